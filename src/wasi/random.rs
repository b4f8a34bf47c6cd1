//! `random_get`: bytes that cannot be guessed; knows not what for.

use rustix::rand::{GetRandomFlags, getrandom};

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::{guest, host};

/// Where a guest's random bytes come from.
pub trait Random: Send + Sync {
    /// Fills a buffer.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Errno>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostRandom;

impl Random for HostRandom {
    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<(), Errno> {
        while !buffer.is_empty() {
            let filled = host::retry(|| getrandom(&mut *buffer, GetRandomFlags::empty()))?;
            buffer = &mut buffer[filled..];
        }
        Ok(())
    }
}

impl WasiCtx {
    /// Writes random bytes.
    pub fn random_get(&mut self, memory: &mut [u8], buffer: u32, len: u32) -> Result<(), Errno> {
        self.random.fill(guest::bytes_mut(memory, buffer, len)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Random for Sevens {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Errno> {
            buffer.fill(7);
            Ok(())
        }
    }

    #[test]
    fn the_whole_buffer_and_nothing_else_is_filled() {
        let mut ctx = WasiCtx::builder().build();
        let mut memory = vec![0; 100_000];
        ctx.random_get(&mut memory, 1, 99_998).unwrap();
        assert_eq!((memory[0], memory[99_999]), (0, 0));
        assert!(memory.chunks(20_000).all(|part| part.iter().any(|&byte| byte != 0)));
        assert_eq!(ctx.random_get(&mut memory, 100_000, 0), Ok(()));
        assert_eq!(ctx.random_get(&mut memory, 99_999, 2), Err(Errno::Fault));
    }

    #[test]
    fn the_generator_can_be_replaced() {
        let mut ctx = WasiCtx::builder().random(Sevens).build();
        let mut memory = [0; 3];
        ctx.random_get(&mut memory, 1, 1).unwrap();
        assert_eq!(memory, [0, 7, 0]);
    }
}
