//! `proc_*` and `sched_yield`: how a guest ends and gives way; knows no descriptor.

use super::ctx::WasiCtx;
use super::errno::Errno;

/// The error with which a guest leaves by `proc_exit`; it carries the guest's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I32Exit(pub i32);

impl std::fmt::Display for I32Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exited with i32 exit status {}", self.0)
    }
}

impl std::error::Error for I32Exit {}

impl WasiCtx {
    /// Ends the guest: there is no other outcome.
    pub fn proc_exit(&mut self, code: u32) -> I32Exit {
        I32Exit(code as i32)
    }

    /// Guests have no signals.
    pub fn proc_raise(&mut self, _memory: &mut [u8], _signal: u32) -> Result<(), Errno> {
        Err(Errno::Notsup)
    }

    /// Gives other threads a turn.
    pub fn sched_yield(&mut self, _memory: &mut [u8]) -> Result<(), Errno> {
        std::thread::yield_now();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_keeps_its_code() {
        let mut ctx = WasiCtx::builder().build();
        assert_eq!(ctx.proc_exit(7), I32Exit(7));
        assert_eq!(ctx.proc_exit(7).to_string(), "Exited with i32 exit status 7");
        assert_eq!(ctx.sched_yield(&mut []), Ok(()));
        assert_eq!(ctx.proc_raise(&mut [], 9), Err(Errno::Notsup));
    }
}
