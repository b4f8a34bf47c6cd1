//! The first tier: bodies are stitched together from stencils, machine code of single operators that Cranelift
//! compiled beforehand from the lowering of every tier. A body that has an operator without a stencil is compiled
//! whole by another backend.

mod attempt;
mod behind;
mod body;
mod calls;
mod code;
mod control;
mod extract;
mod form;
mod generate;
mod instead;
mod kept;
mod legacy;
mod listing;
mod loops;
mod narrow;
mod operand;
mod operator;
mod pass;
mod patch;
mod quick;
mod short;
mod stitch;
mod table;
mod tail;
#[cfg(test)]
mod tests;

pub use body::StencilBackend;
pub use listing::{Listing, Part, PartKind, listing};
