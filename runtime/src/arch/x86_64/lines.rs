//! Lines of assembly that several crossings share: the registers that carry arguments and results, each in the order
//! in which `abi::Loc` numbers them. Knows where they are kept only by what it is given.

/// Stores registers, with the instruction `$mov`, at distances from the address `$at`.
macro_rules! stores {
    ($mov:literal, $at:literal: $($distance:literal $register:ident),*) => {
        concat!($($mov, " [", $at, " + ", $distance, "], ", stringify!($register), "\n"),*)
    };
}

/// Loads registers, with the instruction `$mov`, at distances from the address `$at`.
macro_rules! loads {
    ($mov:literal, $at:literal: $($distance:literal $register:ident),*) => {
        concat!($($mov, " ", stringify!($register), ", [", $at, " + ", $distance, "]\n"),*)
    };
}

/// The integer arguments, by `stores` or `loads`.
macro_rules! arguments {
    ($which:ident, $at:literal) => {
        $which!("mov", $at: 0 rdi, 8 rsi, 16 rdx, 24 rcx, 32 r8, 40 r9)
    };
}

/// The integer results, by `stores` or `loads`.
macro_rules! results {
    ($which:ident, $at:literal) => {
        $which!("mov", $at: 0 rax, 8 rcx, 16 rdx, 24 rsi, 32 rdi, 40 r8, 48 r9, 56 r10)
    };
}

/// The float arguments, or the float results, by `stores` or `loads`.
macro_rules! floats {
    ($which:ident, $mov:literal, $at:literal) => {
        $which!($mov, $at: 0 xmm0, 16 xmm1, 32 xmm2, 48 xmm3, 64 xmm4, 80 xmm5, 96 xmm6, 112 xmm7)
    };
}

/// Records in the store of the vmctx in `rdi` where Wasm was left: the frame of the caller, whose `rbp` was pushed
/// where `rbp` points now, and the return address into it. Uses r10 and r11.
macro_rules! record_exit {
    () => {
        "mov r11, [rdi + {store}]
        mov r10, [rbp]
        mov [r11 + {exit_fp}], r10
        mov r10, [rbp + 8]
        mov [r11 + {exit_pc}], r10"
    };
}

/// Checks an assumption, in debug builds only: the lines jump to `8` if it fails, where a `ud2` stands.
#[cfg(debug_assertions)]
macro_rules! checked {
    ($($line:literal),*) => { concat!($($line, "\n"),*) };
}
#[cfg(not(debug_assertions))]
macro_rules! checked {
    ($($line:literal),*) => {
        ""
    };
}

pub(super) use {arguments, checked, floats, loads, record_exit, results, stores};

// The lines name this many.
const _: () = {
    assert!(super::INT_ARGS == 6 && super::INT_RESULTS == 8);
    assert!(super::FLOAT_ARGS == 8 && super::FLOAT_RESULTS == 8);
};
