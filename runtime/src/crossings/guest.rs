//! A guest without a compiler: code memory with functions in assembly, a store, and a vmctx of two slots.

use crate::abi::{Controller, FuncIndex, TrapCode};
use crate::code_memory::{CodeAddr, ModuleCode};
use crate::entry::{self, Registers};
use crate::exit::{self, HostCode, HostContext};
use crate::reentry::InstanceHead;
use crate::reexports;
use crate::registry::CodeRecord;
use crate::sites::{Site, SiteKind, SiteWriter};
use crate::trap::Unwind;
use crate::types::{FuncType, ValType};
use crate::vmctx::{VmHeader, VmStore};
use std::any::Any;
use std::process::{Command, ExitStatus};
use std::ptr;
use std::sync::Arc;

/// Stands behind the code of every function written by [`assembly`].
pub(super) const END: u64 = 0xf1f1_f1f1_f1f1_f1f1;

/// Defines a function whose bytes can be copied elsewhere.
macro_rules! assembly {
    ($($(#[$doc:meta])* $name:ident: $($line:literal),*;)*) => {$(
        $(#[$doc])*
        #[unsafe(naked)]
        extern "C" fn $name() {
            std::arch::naked_asm!($($line,)* ".quad {}", const $crate::crossings::guest::END)
        }
    )*};
}
pub(super) use assembly;

/// The bytes of a function written by [`assembly`].
pub(super) fn bytes_of(function: extern "C" fn()) -> Vec<u8> {
    let start = function as *const u8;
    // SAFETY: every byte up to the end mark is the function's.
    let byte = |i: usize| unsafe { *start.add(i) };
    let ends = |i: usize| (0..8).all(|k| byte(i + k) == END.to_le_bytes()[k]);
    (0..).take_while(|i| !ends(*i)).map(byte).collect()
}

/// Most bytes of Wasm frames in these tests.
pub(super) const MAX_STACK: usize = 512 << 10;

/// What the assembly finds behind `rdi`.
#[repr(C)]
pub(super) struct Vmctx {
    header: VmHeader,
    /// At 40: code to call.
    callee: usize,
    /// At 48: the vmctx to call it with.
    callee_vmctx: *mut VmHeader,
}

/// One module, instantiated.
pub(super) struct Guest {
    pub(super) code: Arc<ModuleCode>,
    pub(super) store: Box<VmStore>,
    vmctx: Box<Vmctx>,
    _instance: Box<InstanceHead>,
    hosts: Vec<Box<dyn Any>>,
}

/// A host function and its data.
#[repr(C)]
pub(super) struct Host {
    context: HostContext,
    pub(super) data: *mut Guest,
}

impl Guest {
    /// A guest of `functions` functions, whose first calls go to `controller`.
    pub(super) fn new(functions: u32, controller: *const dyn Controller) -> Box<Guest> {
        let mut store = Box::new(VmStore::default());
        let mut instance = Box::new(InstanceHead { controller });
        let header = VmHeader { instance: (&raw mut *instance).cast(), ..VmHeader::of_host(&mut *store) };
        let vmctx = Box::new(Vmctx { header, callee: 0, callee_vmctx: ptr::null_mut() });
        let code = ModuleCode::new(functions, 0).unwrap();
        Box::new(Guest { code, store, vmctx, _instance: instance, hosts: Vec::new() })
    }

    /// A guest whose functions are all put in place by the test.
    pub(super) fn with_code(functions: &[(extern "C" fn(), TrapCode)]) -> Box<Guest> {
        struct Nothing;
        impl Controller for Nothing {
            fn resolve(&self, function: FuncIndex) -> Result<CodeAddr, crate::abi::ResolveFailure> {
                panic!("function {function:?} is there already")
            }
        }
        let guest = Guest::new(functions.len() as u32, &Nothing);
        for (i, (function, trap)) in (0..).zip(functions) {
            let at = place(&guest.code, i, *function, *trap);
            guest.code.redirect(FuncIndex(i), at);
        }
        guest
    }

    pub(super) fn vmctx(&self) -> *mut VmHeader {
        (&raw const *self.vmctx).cast_mut().cast()
    }

    /// Makes function `index` what the guest's functions call.
    pub(super) fn set_callee(&mut self, index: u32) {
        self.vmctx.callee = self.code.entry_point(FuncIndex(index));
        self.vmctx.callee_vmctx = self.vmctx();
    }

    /// Makes a host function what the guest's functions call; the address of its code and its context.
    pub(super) fn set_host_callee(&mut self, ty: FuncType, call: HostCode) -> (usize, *mut VmHeader) {
        let context = HostContext::new(&mut *self.store, Arc::new(ty), call);
        let mut host = Box::new(Host { context, data: self });
        let code = reexports::host_entry(exit::host_exit_address()).unwrap().entry_point;
        let context = (&raw mut *host).cast();
        self.hosts.push(host);
        (self.vmctx.callee, self.vmctx.callee_vmctx) = (code, context);
        (code, context)
    }

    /// Calls function `index` with integer arguments in registers; its first result.
    pub(super) fn call(&mut self, index: u32, args: &[u64]) -> Result<u64, Box<Unwind>> {
        let mut regs = Registers::new(false);
        regs.set_gpr(0, self.vmctx() as u64);
        for (i, arg) in args.iter().enumerate() {
            regs.set_gpr(1 + i, *arg);
        }
        self.call_with(self.code.entry_point(FuncIndex(index)), &mut regs, &[])?;
        Ok(regs.gpr(0))
    }

    /// Calls `code`.
    pub(super) fn call_with(
        &mut self,
        code: usize,
        regs: &mut Registers,
        stack: &[u64],
    ) -> Result<(), Box<Unwind>> {
        // SAFETY: tests pass what their functions take.
        unsafe { entry::call_wasm(&mut *self.store, code, regs, stack, MAX_STACK) }
    }
}

/// Where in its body every function's first site is.
pub(super) const FIRST_SITE: u32 = 70;

/// Where the body of function `index` starts in the file that there is none of.
pub(super) fn body_offset(index: u32) -> u64 {
    1000 * (u64::from(index) + 1)
}

/// Puts `function` into code memory. Each `ud2`, `mov rax, [rsi]` and `idiv rsi` is a site that traps with `trap`,
/// each `call rax` and `call rel32` a call; the Wasm offset
/// of the n-th site is `FIRST_SITE` + n.
pub(super) fn place(code: &ModuleCode, index: u32, function: extern "C" fn(), trap: TrapCode) -> CodeAddr {
    let bytes = bytes_of(function);
    let mut sites = Vec::new();
    for at in 0..bytes.len() {
        let (kind, after) = match bytes[at..] {
            [0x0f, 0x0b, ..] | [0x48, 0x8b, 0x06, ..] | [0x48, 0xf7, 0xfe, ..] => (SiteKind::Trap(trap), 0),
            [0xff, 0xd0, ..] => (SiteKind::Call, 2),
            [0xe8, _, _, _, 0xff, ..] => (SiteKind::Call, 5),
            _ => continue,
        };
        let wasm_offset = FIRST_SITE + sites.len() as u32;
        sites.push(Site { code_offset: (at + after) as u32, wasm_offset, kind });
    }
    sites.sort_by_key(|site| site.code_offset);
    let mut encoded = SiteWriter::default();
    encoded.extend(sites);
    let mut allocation = code.allocate(bytes.len()).unwrap();
    allocation.working().copy_from_slice(&bytes);
    let body_offset = body_offset(index);
    let record = CodeRecord {
        function: FuncIndex(index),
        tier: "test",
        sites: encoded.bytes().into(),
        handlers: Box::default(),
        body_offset,
    };
    allocation.finalize(record).unwrap().address()
}

/// Runs a test of `module` again in a process of its own, where `f` runs, and returns how that ended.
pub(super) fn in_a_process(module: &str, test: &str, f: impl FnOnce()) -> Option<ExitStatus> {
    const CHILD: &str = "LATIER_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        f();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let (_, path) = module.split_once("::").unwrap();
    command.args(["--exact", &format!("{path}::{test}"), "--test-threads=1"]).env(CHILD, "1");
    Some(command.output().unwrap().status)
}

/// A function type of these many i64.
pub(super) fn integers(params: usize, results: usize) -> FuncType {
    let of = |n| std::iter::repeat_n(ValType::I64, n);
    FuncType::new(of(params), of(results))
}

assembly! {
    /// Calls the callee with its own arguments, no stack arguments; returns what it returns.
    call_through:
        "push rbp", "mov rbp, rsp",
        "mov rax, [rdi + 40]", "mov rdi, [rdi + 48]",
        "call rax",
        "pop rbp", "ret";
    /// As `call_through`, with 32 bytes of stack arguments. Traps if the callee did not pop them.
    call_through_32:
        "push rbp", "mov rbp, rsp",
        "push [rbp + 40]", "push [rbp + 32]", "push [rbp + 24]", "push [rbp + 16]",
        "mov rax, [rdi + 40]", "mov rdi, [rdi + 48]",
        "call rax",
        "cmp rbp, rsp", "jne 2f",
        "pop rbp", "ret 32",
        "2:", "ud2";
}

/// A function that passes on its arguments, which fit in registers.
pub(super) const CALL_THROUGH: (extern "C" fn(), TrapCode) = (call_through, TrapCode::Unreachable);
/// A function that passes on its arguments, of which 32 bytes travel on the stack.
pub(super) const CALL_THROUGH_32: (extern "C" fn(), TrapCode) = (call_through_32, TrapCode::Unreachable);
