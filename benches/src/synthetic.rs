//! Modules of any size, of which any part is called. A program checks its own result: it traps if that is wrong. Runs
//! nothing.

use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// Functions that one caller calls, so that no function is large.
const GROUP: u32 = 100;
/// What a function's step adds is below this, and takes three bytes.
const SUMMANDS: u32 = 1 << 20;
const TURN: u32 = 5;

/// The shape of a module.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many functions it has, besides those that call them.
    pub functions: u32,
    /// How many of them are called, evenly spread.
    pub called: u32,
    /// Steps in a function; each takes eleven bytes or so.
    pub steps: u32,
}

impl Shape {
    /// The functions that are called.
    fn calls(self) -> impl Iterator<Item = u32> {
        let place = move |n| u64::from(n) * u64::from(self.functions) / u64::from(self.called.max(1));
        (0..self.called).map(move |n| place(n) as u32)
    }

    /// What the program must compute.
    fn result(self) -> u32 {
        self.calls().fold(1, |value, function| {
            (0..self.steps)
                .fold(value, |value, step| value.wrapping_add(summand(function, step)).rotate_left(TURN))
        })
    }

    /// The module: it imports `fd_write`, which it does not call, and exports `_start`.
    pub fn module(self) -> Vec<u8> {
        let calls: Vec<u32> = self.calls().collect();
        let groups: Vec<&[u32]> = calls.chunks(GROUP as usize).collect();
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32; 4], [ValType::I32]);
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("wasi_snapshot_preview1", "fd_write", EntityType::Function(0));
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for function in 0..self.functions {
            functions.function(1);
            code.function(&body(function, self.steps));
        }
        for group in &groups {
            functions.function(1);
            code.function(&caller(group));
        }
        functions.function(2);
        code.function(&start(1 + self.functions, groups.len() as u32, self.result()));
        let mut memories = MemorySection::new();
        let (memory64, shared, page_size_log2, maximum) = (false, false, None, None);
        memories.memory(MemoryType { minimum: 1, maximum, memory64, shared, page_size_log2 });
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("_start", ExportKind::Func, 1 + self.functions + groups.len() as u32);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&exports).section(&code);
        module.finish()
    }
}

fn summand(function: u32, step: u32) -> u32 {
    function.wrapping_mul(0x9e37_79b1).wrapping_add(step.wrapping_mul(0x85eb_ca77)) % SUMMANDS
}

fn body(function: u32, steps: u32) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for step in 0..steps {
        code.local_get(0).i32_const(summand(function, step) as i32).i32_add();
        code.i32_const(TURN as i32).i32_rotl().local_set(0);
    }
    code.local_get(0).end();
    body
}

/// Hands its parameter from function to function.
fn caller(called: &[u32]) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    code.local_get(0);
    for function in called {
        code.call(1 + function);
    }
    code.end();
    body
}

fn start(first_caller: u32, callers: u32, result: u32) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    code.i32_const(1);
    for caller in 0..callers {
        code.call(first_caller + caller);
    }
    code.i32_const(result as i32).i32_ne().if_(wasm_encoder::BlockType::Empty).unreachable().end().end();
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_valid_at_the_edges_too() {
        for (functions, called) in [(1, 0), (1, 1), (250, 250), (1000, 101)] {
            let module = Shape { functions, called, steps: 3 }.module();
            wasmparser::validate(&module).unwrap();
        }
    }

    #[test]
    fn as_many_functions_are_called_as_it_says_and_none_twice() {
        let shape = Shape { functions: 1000, called: 7, steps: 1 };
        let calls: Vec<u32> = shape.calls().collect();
        assert_eq!(calls, [0, 142, 285, 428, 571, 714, 857]);
        let all = Shape { called: 1000, ..shape };
        assert!(all.calls().eq(0..1000));
    }

    /// One function of one step: 1 plus its summand, turned by five bits.
    #[test]
    fn the_result_is_what_the_functions_compute() {
        let shape = Shape { functions: 1, called: 1, steps: 1 };
        assert_eq!(shape.result(), 1u32.rotate_left(5));
        let two = Shape { steps: 2, ..shape };
        assert_eq!(two.result(), (32 + 0x85eb_ca77 % SUMMANDS).rotate_left(5));
    }
}
