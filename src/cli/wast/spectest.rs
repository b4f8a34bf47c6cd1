//! The host module `spectest`, which specification scripts import from. Knows nothing of scripts.

use crate::{
    Global, GlobalType, Linker, Memory, MemoryType, Mutability, Ref, RefType, Result, SharedMemory, Store,
    Table, TableType, Val, ValType,
};
use std::io::{self, Write};

/// Defines `spectest` in `linker`; with `print`, its functions write their arguments to standard output.
pub(super) fn define(linker: &mut Linker<()>, store: &mut Store<()>, print: bool) -> Result<()> {
    let say = move |values: &[&dyn std::fmt::Display]| {
        if print {
            let line = values.iter().map(|value| format!("{value}\n")).collect::<String>();
            // A reader who left is no reason to fail an assertion.
            let _ = io::stdout().write_all(line.as_bytes());
        }
    };
    linker.func_wrap("spectest", "print", move || say(&[]))?;
    linker.func_wrap("spectest", "print_i32", move |v: i32| say(&[&format_args!("{v} : i32")]))?;
    linker.func_wrap("spectest", "print_i64", move |v: i64| say(&[&format_args!("{v} : i64")]))?;
    linker.func_wrap("spectest", "print_f32", move |v: f32| say(&[&format_args!("{v} : f32")]))?;
    linker.func_wrap("spectest", "print_f64", move |v: f64| say(&[&format_args!("{v} : f64")]))?;
    linker.func_wrap("spectest", "print_i32_f32", move |a: i32, b: f32| {
        say(&[&format_args!("{a} : i32"), &format_args!("{b} : f32")])
    })?;
    linker.func_wrap("spectest", "print_f64_f64", move |a: f64, b: f64| {
        say(&[&format_args!("{a} : f64"), &format_args!("{b} : f64")])
    })?;

    let globals = [
        ("global_i32", ValType::I32, Val::I32(666)),
        ("global_i64", ValType::I64, Val::I64(666)),
        ("global_f32", ValType::F32, Val::F32(666.6_f32.to_bits())),
        ("global_f64", ValType::F64, Val::F64(666.6_f64.to_bits())),
    ];
    for (name, ty, value) in globals {
        let global = Global::new(&mut *store, GlobalType::new(ty, Mutability::Const), value)?;
        linker.define(&mut *store, "spectest", name, global)?;
    }
    let table = Table::new(&mut *store, TableType::new(RefType::FUNCREF, 10, Some(20)), Ref::Func(None))?;
    linker.define(&mut *store, "spectest", "table", table)?;
    let memory = Memory::new(&mut *store, MemoryType::new(1, Some(2)))?;
    linker.define(&mut *store, "spectest", "memory", memory)?;
    let shared = SharedMemory::new(store.engine(), MemoryType::shared(1, 2))?;
    linker.define(&mut *store, "spectest", "shared_memory", shared)?;
    Ok(())
}
