//! `args_*` and `environ_*`: lists of strings that end in NUL; knows not what they say.

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::guest;

/// Strings in the form in which a guest wants them: one after another, each ended by NUL.
#[derive(Clone, Debug, Default)]
pub(super) struct Strings {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Strings {
    pub(super) fn push(&mut self, string: &[u8]) {
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(string);
        self.bytes.push(0);
    }

    /// Writes how many there are and how many bytes they take.
    fn sizes(&self, memory: &mut [u8], count: u32, size: u32) -> Result<(), Errno> {
        let starts = u32::try_from(self.starts.len()).map_err(|_| Errno::Overflow)?;
        let bytes = u32::try_from(self.bytes.len()).map_err(|_| Errno::Overflow)?;
        guest::store_u32(memory, count, starts)?;
        guest::store_u32(memory, size, bytes)
    }

    /// Writes the strings to `buffer` and their addresses to `pointers`.
    fn get(&self, memory: &mut [u8], pointers: u32, buffer: u32) -> Result<(), Errno> {
        let size = u32::try_from(self.bytes.len()).map_err(|_| Errno::Overflow)?;
        let count = u32::try_from(self.starts.len()).map_err(|_| Errno::Overflow)?;
        guest::bytes_mut(memory, buffer, size)?.copy_from_slice(&self.bytes);
        let size_of_pointers = count.checked_mul(4).ok_or(Errno::Overflow)?;
        let pointers = guest::bytes_mut(memory, pointers, size_of_pointers)?;
        for (pointer, &start) in pointers.chunks_exact_mut(4).zip(&self.starts) {
            pointer.copy_from_slice(&(buffer + start as u32).to_le_bytes());
        }
        Ok(())
    }
}

impl WasiCtx {
    /// Writes the number of arguments and the size of all of them.
    pub fn args_sizes_get(&mut self, memory: &mut [u8], count: u32, size: u32) -> Result<(), Errno> {
        self.args.sizes(memory, count, size)
    }

    /// Writes the arguments.
    pub fn args_get(&mut self, memory: &mut [u8], pointers: u32, buffer: u32) -> Result<(), Errno> {
        self.args.get(memory, pointers, buffer)
    }

    /// Writes the number of environment variables and the size of all of them.
    pub fn environ_sizes_get(&mut self, memory: &mut [u8], count: u32, size: u32) -> Result<(), Errno> {
        self.environ.sizes(memory, count, size)
    }

    /// Writes the environment variables, each as `NAME=VALUE`.
    pub fn environ_get(&mut self, memory: &mut [u8], pointers: u32, buffer: u32) -> Result<(), Errno> {
        self.environ.get(memory, pointers, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_variables_arrive_whole() {
        let mut ctx = WasiCtx::builder().args(["prog", "", "ä"]).env("A", "b=c").build();
        let mut memory = vec![0xff; 64];
        ctx.args_sizes_get(&mut memory, 0, 4).unwrap();
        assert_eq!(&memory[..8], [3, 0, 0, 0, 9, 0, 0, 0]);
        ctx.args_get(&mut memory, 8, 32).unwrap();
        assert_eq!(&memory[8..20], [32, 0, 0, 0, 37, 0, 0, 0, 38, 0, 0, 0]);
        assert_eq!(&memory[32..42], b"prog\0\0\xc3\xa4\0\xff");
        ctx.environ_sizes_get(&mut memory, 0, 4).unwrap();
        assert_eq!(&memory[..8], [1, 0, 0, 0, 6, 0, 0, 0]);
        ctx.environ_get(&mut memory, 0, 58).unwrap();
        assert_eq!(&memory[58..], b"A=b=c\0");
    }

    #[test]
    fn places_outside_are_faults() {
        let mut ctx = WasiCtx::builder().arg("prog").build();
        let mut memory = vec![0; 16];
        assert_eq!(ctx.args_sizes_get(&mut memory, 0, 13), Err(Errno::Fault));
        assert_eq!(ctx.args_get(&mut memory, 0, 12), Err(Errno::Fault));
        assert_eq!(ctx.args_get(&mut memory, 16, 0), Err(Errno::Fault));
        assert_eq!(ctx.environ_get(&mut memory, 16, 16), Ok(()));
    }
}
