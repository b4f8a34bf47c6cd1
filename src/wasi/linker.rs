//! Gives the functions of the interface their names: the one list of all of them. Knows not what they do.

use anyhow::anyhow;

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::types::Version;
use crate::{Caller, Extern, Linker, Memory, Result};

/// Defines WASI preview 1 in a linker, as `wasi_snapshot_preview1` and, with its older layouts, as `wasi_unstable`.
/// `get` finds the context in the store's data. The calling instance must export its memory as `memory`.
///
/// # Errors
/// When a name is taken.
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut WasiCtx + Send + Sync + Copy + 'static,
) -> Result<()> {
    add_version(linker, "wasi_snapshot_preview1", Version::Preview1, get)?;
    add_version(linker, "wasi_unstable", Version::Unstable, get)
}

fn add_version<T: 'static>(
    linker: &mut Linker<T>,
    module: &str,
    version: Version,
    get: impl Fn(&mut T) -> &mut WasiCtx + Send + Sync + Copy + 'static,
) -> Result<()> {
    /// `name(parameters)`, then `version` where the two versions differ.
    macro_rules! define {
        ($($name:ident($($param:ident: $type:ty),*) $($version:ident)?;)*) => { $(
            linker.func_wrap(
                module,
                stringify!($name),
                move |mut caller: Caller<'_, T>, $($param: $type),*| -> Result<u32> {
                    let (memory, data) = memory(&mut caller)?.data_and_store_mut(&mut caller);
                    Ok(number(get(data).$name(memory, $($param,)* $($version)?)))
                },
            )?;
        )* };
    }
    define! {
        args_get(pointers: u32, buffer: u32);
        args_sizes_get(count: u32, size: u32);
        environ_get(pointers: u32, buffer: u32);
        environ_sizes_get(count: u32, size: u32);
        clock_res_get(clock: u32, resolution: u32);
        clock_time_get(clock: u32, precision: u64, time: u32);
        fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
        fd_allocate(fd: u32, offset: u64, len: u64);
        fd_close(fd: u32);
        fd_datasync(fd: u32);
        fd_fdstat_get(fd: u32, fdstat: u32);
        fd_fdstat_set_flags(fd: u32, flags: u32);
        fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
        fd_filestat_get(fd: u32, filestat: u32) version;
        fd_filestat_set_size(fd: u32, size: u64);
        fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
        fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32);
        fd_prestat_get(fd: u32, prestat: u32);
        fd_prestat_dir_name(fd: u32, path: u32, len: u32);
        fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nwritten: u32);
        fd_read(fd: u32, iovs: u32, iovs_len: u32, nread: u32);
        fd_readdir(fd: u32, buffer: u32, len: u32, cookie: u64, used: u32);
        fd_renumber(from: u32, to: u32);
        fd_seek(fd: u32, offset: i64, whence: u32, position: u32) version;
        fd_sync(fd: u32);
        fd_tell(fd: u32, position: u32);
        fd_write(fd: u32, iovs: u32, iovs_len: u32, nwritten: u32);
        path_create_directory(fd: u32, path: u32, len: u32);
        path_filestat_get(fd: u32, flags: u32, path: u32, len: u32, filestat: u32) version;
        path_filestat_set_times(fd: u32, flags: u32, path: u32, len: u32, atim: u64, mtim: u64, fstflags: u32);
        path_link(old_fd: u32, flags: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32);
        path_open(
            fd: u32, flags: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, opened: u32
        );
        path_readlink(fd: u32, path: u32, len: u32, buffer: u32, buffer_len: u32, used: u32);
        path_remove_directory(fd: u32, path: u32, len: u32);
        path_rename(old_fd: u32, old: u32, old_len: u32, new_fd: u32, new: u32, new_len: u32);
        path_symlink(target: u32, target_len: u32, fd: u32, path: u32, len: u32);
        path_unlink_file(fd: u32, path: u32, len: u32);
        poll_oneoff(subscriptions: u32, events: u32, count: u32, nevents: u32) version;
        proc_raise(signal: u32);
        sched_yield();
        random_get(buffer: u32, len: u32);
        sock_accept(fd: u32, flags: u32, accepted: u32);
        sock_recv(fd: u32, iovs: u32, iovs_len: u32, flags: u32, received: u32, out_flags: u32);
        sock_send(fd: u32, iovs: u32, iovs_len: u32, flags: u32, sent: u32);
        sock_shutdown(fd: u32, how: u32);
    }
    // The one that does not come back, and so the one without a number for a result.
    linker.func_wrap(module, "proc_exit", move |mut caller: Caller<'_, T>, code: u32| -> Result<()> {
        Err(get(caller.data_mut()).proc_exit(code).into())
    })?;
    Ok(())
}

/// The memory of the instance that called.
fn memory<T: 'static>(caller: &mut Caller<'_, T>) -> Result<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        _ => Err(anyhow!("a module that uses WASI must export its memory as `memory`")),
    }
}

fn number(outcome: std::result::Result<(), Errno>) -> u32 {
    match outcome {
        Ok(()) => Errno::Success as u32,
        Err(errno) => errno as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::{I32Exit, MemoryOutput};
    use crate::{Engine, Module, Store};

    /// The names of the specification.
    const SPECIFIED: &str = "
        args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get
        fd_advise fd_allocate fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights
        fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name
        fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write
        path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink
        path_remove_directory path_rename path_symlink path_unlink_file
        poll_oneoff proc_exit proc_raise sched_yield random_get
        sock_accept sock_recv sock_send sock_shutdown";

    /// What a module wrote to standard output, and how its `_start` ended.
    fn run(text: &str) -> (Vec<u8>, Result<()>) {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
        let output = MemoryOutput::new(100);
        let mut store = Store::new(&engine, WasiCtx::builder().stdout(output.clone()).build());
        let module = Module::new(&engine, text).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
        let ended = start.call(&mut store, ());
        (output.contents(), ended)
    }

    #[test]
    fn a_guest_writes_and_exits() {
        for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
            let (output, ended) = run(&format!(
                r#"(module
                    (import "{module}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                    (import "{module}" "proc_exit" (func $exit (param i32)))
                    (memory (export "memory") 1)
                    (data (i32.const 0) "\08\00\00\00\03\00\00\00hi\n")
                    (func (export "_start")
                        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
                        (call $exit (i32.add (i32.load (i32.const 20)) (i32.const 4)))
                        unreachable))"#
            ));
            assert_eq!(output, b"hi\n");
            assert_eq!(ended.unwrap_err().downcast_ref(), Some(&I32Exit(7)));
        }
    }

    #[test]
    fn the_versions_differ_where_they_should() {
        for (module, end) in [("wasi_snapshot_preview1", 2), ("wasi_unstable", 1)] {
            // Whence is looked at before the descriptor: a wrong one is invalid, a right one not seekable.
            let (_, ended) = run(&format!(
                r#"(module
                    (import "{module}" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
                    (import "{module}" "proc_exit" (func $exit (param i32)))
                    (memory (export "memory") 1)
                    (func (export "_start")
                        (call $exit (i32.add
                            (i32.mul (i32.const 100)
                                (call $seek (i32.const 0) (i64.const -1) (i32.const {end}) (i32.const 0)))
                            (call $seek (i32.const 0) (i64.const -1) (i32.const {set}) (i32.const 0))))))"#,
                set = if end == 2 { 0 } else { 2 },
            ));
            let codes = 100 * Errno::Spipe as i32 + Errno::Inval as i32;
            assert_eq!(ended.unwrap_err().downcast_ref(), Some(&I32Exit(codes)));
        }
    }

    #[test]
    fn a_guest_without_memory_is_told_so() {
        let (_, ended) = run(r#"(module
                (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
                (func (export "_start") (drop (call $yield))))"#);
        assert!(format!("{:?}", ended.unwrap_err()).contains("must export its memory"));
    }

    #[test]
    fn every_function_has_both_names() {
        let engine = Engine::default();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
        let mut store = Store::new(&engine, WasiCtx::builder().build());
        let names = SPECIFIED.split_whitespace();
        assert_eq!(names.clone().count(), 46);
        for name in names {
            for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
                assert!(linker.get(&mut store, module, name).is_some(), "{module} {name}");
            }
        }
        assert!(add_to_linker(&mut linker, |ctx| ctx).is_err());
    }
}
