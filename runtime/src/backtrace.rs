//! Backtraces: from a frame of Wasm along the frame pointers, through all activations of the thread. Names no
//! functions: it yields indices and offsets.
//!
//! Left out: frames that are not of Wasm functions, and what lies beyond the 256th frame.

use crate::abi::FuncIndex;
use crate::entry::{self, Activation, Exit};
use crate::registry::{self, ModuleToken};
use crate::sites::{SiteKind, Sites};

/// Most frames that a backtrace keeps.
const MAX_FRAMES: usize = 256;

/// A Wasm frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// Identity of the module's code.
    pub module: ModuleToken,
    /// The function.
    pub function: FuncIndex,
    /// Where the function's body starts in the guest file, in bytes.
    pub body_offset: u64,
    /// Where in the body it was, in bytes: at a call, or at what trapped.
    pub wasm_offset: u32,
}

/// The Wasm frames around a host function that runs now, innermost first; none outside of host functions.
pub fn capture_backtrace() -> Vec<RawFrame> {
    entry::with_innermost(|innermost| {
        let mut walk = Walk::new();
        if let Some(innermost) = innermost {
            walk.activations(innermost, innermost.exit());
        }
        walk.frames
    })
}

/// The Wasm frames at a trap of the innermost activation: the instruction at `pc` trapped in the frame at `fp`.
pub(crate) fn capture_trap(innermost: &Activation, pc: usize, fp: usize) -> Vec<RawFrame> {
    let mut walk = Walk::new();
    walk.push(pc, false);
    let exit = walk.caller(innermost, fp).unwrap_or_default();
    walk.activations(innermost, exit);
    walk.frames
}

struct Walk {
    frames: Vec<RawFrame>,
    /// Every frame to come lies above this address.
    below: usize,
}

impl Walk {
    fn new() -> Walk {
        let here = 0u8;
        Walk { frames: Vec::new(), below: &raw const here as usize }
    }

    /// The frames of `innermost`, which was left at `exit`, and of all activations around it.
    fn activations(&mut self, innermost: &Activation, exit: Exit) {
        let mut next = Some((innermost, exit));
        while let Some((activation, exit)) = next {
            let mut at = Some(exit);
            while let Some(Exit { fp, pc }) = at
                && fp != activation.entry_fp()
                && self.frames.len() < MAX_FRAMES
            {
                at = self.caller(activation, fp);
                if at.is_some() {
                    self.push(pc, true);
                }
            }
            next = activation.outer();
        }
    }

    /// The frame that called the one at `fp`, if that is a frame of `activation` which was not seen yet.
    fn caller(&mut self, activation: &Activation, fp: usize) -> Option<Exit> {
        if fp <= self.below || fp >= activation.entry_fp() || !fp.is_multiple_of(size_of::<usize>()) {
            return None;
        }
        self.below = fp;
        // SAFETY: both words lie between this function's own frame and the activation's entry frame, both of this
        // thread's stack, and are aligned.
        let [fp, pc] = unsafe { *(fp as *const [usize; 2]) };
        Some(Exit { fp, pc })
    }

    /// Adds the frame that was at `pc`: a return address, or else the address of what trapped.
    fn push(&mut self, pc: usize, returns: bool) {
        // The call itself is surely in the function; the return address may be the end of it.
        let inside = pc.wrapping_sub(usize::from(returns));
        // SAFETY: the address comes from a frame of an activation, whose store keeps the module.
        let Some(found) = (unsafe { registry::lookup(inside) }) else { return };
        let offset = found.offset + u32::from(returns);
        let at_pc = Sites::new(&found.record.sites).skip_while(|site| site.code_offset < offset);
        let site = at_pc
            .take_while(|site| site.code_offset == offset)
            .find(|site| returns == (site.kind == SiteKind::Call));
        self.frames.push(RawFrame {
            module: found.module,
            function: found.record.function,
            body_offset: found.record.body_offset,
            wasm_offset: site.map_or(0, |site| site.wasm_offset),
        });
    }
}
