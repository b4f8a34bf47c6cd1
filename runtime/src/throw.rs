//! Throws: from the frame that throws, along the frame pointers, to the first handler that takes the exception, in
//! the innermost call into Wasm. A look-up in a sorted table per frame. Does not know what exceptions carry.

use crate::arch::Resume;
use crate::entry::Activation;
use crate::exception::{Exception, TagCell};
use crate::handlers::{self, CATCH_ALL};
use crate::registry;
use std::sync::Arc;

/// Where `exception` goes on that is on its way out of the Wasm frames of `activation`; `None` if nothing there takes
/// it.
pub(crate) fn handler(activation: &Activation, exception: &Exception) -> Option<Resume> {
    let tag = exception.0.tag();
    let here = 0u8;
    let mut below = &raw const here as usize;
    let (mut fp, mut pc) = (activation.exit().fp, activation.exit().pc);
    while fp > below && fp < activation.entry_fp() && fp.is_multiple_of(size_of::<usize>()) {
        if let Some(mut resume) = in_frame(fp, pc, tag) {
            resume.payload = Arc::as_ptr(&exception.0) as usize;
            return Some(resume);
        }
        below = fp;
        // SAFETY: both words lie between this function's own frame and the activation's entry frame, both of this
        // thread's stack, and are aligned.
        [fp, pc] = unsafe { *(fp as *const [usize; 2]) };
    }
    None
}

/// The handler of the frame at `fp`, which will be returned to at `pc`.
fn in_frame(fp: usize, pc: usize, tag: *const TagCell) -> Option<Resume> {
    // The call itself is surely in the function; the return address may be the end of it.
    // SAFETY: the address comes from a frame of an activation, whose store keeps the module.
    let found = unsafe { registry::lookup(pc.wrapping_sub(1)) }?;
    let offset = found.offset + 1;
    handlers::of_call(&found.record.handlers, offset).find_map(|handler| {
        let sp = fp - handler.frame_bytes as usize;
        let takes = handler.tag == CATCH_ALL || {
            // SAFETY: the frame is the function's that the record is of, and keeps its vmctx at this place while it
            // waits for the call; the offset is that of a pointer to a tag in its vmctx.
            let own = unsafe {
                let vmctx = *((sp + handler.vmctx_at as usize) as *const *const u8);
                *vmctx.sub(handler.tag as usize).cast::<*const TagCell>()
            };
            own == tag
        };
        takes.then(|| Resume { pc: pc - offset as usize + handler.landing as usize, sp, fp, payload: 0 })
    })
}
