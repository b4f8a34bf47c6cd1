//! The compiled object: one relocatable ELF file per function, and the names of the symbols it may refer to.

pub mod read;
pub mod symbol;
pub mod write;
