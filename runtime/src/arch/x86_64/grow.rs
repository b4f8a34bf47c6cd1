//! The builtins that grow something: they may end the call into Wasm, as host functions may, when the store's limiter
//! fails. Does not know what grows.

use super::lines::{checked, record_exit};
use super::raise::raise;
use crate::arch::Upcalls;
use crate::vmctx::{HEADER_STORE, STORE_EXIT_FP, STORE_EXIT_PC};
use std::arch::naked_asm;

/// A builtin that calls `$upcall` with its own arguments, `rdi` the vmctx first. The answer comes in rax, and in dl whether
/// to raise.
///
/// ```text
///            return address into the function that grows something
///   rbp ──►  its rbp              ◄── rsp
/// ```
macro_rules! grow {
    ($(#[$doc:meta])* $name:ident, $upcall:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// Called by compiled code, by the C convention.
        #[unsafe(naked)]
        pub(crate) unsafe extern "C" fn $name<U: Upcalls>() {
            naked_asm!(
                "push rbp",
                "mov rbp, rsp",
                checked!("test rsp, 15", "jnz 8f"),
                record_exit!(),
                "call {upcall}",
                "test dl, dl",
                "jnz {raise}",
                "pop rbp",
                "ret",
                "8:",
                "ud2",
                store = const HEADER_STORE,
                exit_fp = const STORE_EXIT_FP,
                exit_pc = const STORE_EXIT_PC,
                upcall = sym U::$upcall,
                raise = sym raise::<U>,
            )
        }
    };
}

grow! {
    /// `memory.grow`.
    memory_grow, memory_grow
}

grow! {
    /// `table.grow`.
    table_grow, table_grow
}
