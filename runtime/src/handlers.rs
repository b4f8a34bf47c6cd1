//! The handlers of a function: for each call that stands in a `try_table`, where an exception that leaves the callee
//! goes on. Written by the compiler into the object's section [`SECTION`], read by throws. Does not know what an
//! exception is.
//!
//! Layout: per clause five little-endian words of 32 bits, the fields of [`Handler`] in their order. The clauses of
//! one call stand together, in the order in which they are tried; calls stand in the order of their return addresses.

/// Name of the object section that holds the handlers.
pub const SECTION: &str = ".latier.handlers";

/// Bytes of one encoded clause.
const BYTES: usize = 20;

/// One clause of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The call's return address, in bytes from the start of the function's code.
    pub return_offset: u32,
    /// Bytes from the stack pointer that the handler expects up to the frame pointer.
    pub frame_bytes: u32,
    /// Bytes from that stack pointer to the copy of the function's vmctx.
    pub vmctx_at: u32,
    /// Which exceptions it takes: [`CATCH_ALL`], or in an object the ordinal of a tag's symbol, and in linked code
    /// how many bytes below the vmctx the pointer to the tag starts.
    pub tag: u32,
    /// Where to go on, in bytes from the start of the function's code.
    pub landing: u32,
}

/// In place of a tag: takes every exception.
pub const CATCH_ALL: u32 = u32::MAX;

/// Appends the encoding of `handlers` to `out`.
pub fn encode(handlers: &[Handler], out: &mut Vec<u8>) {
    for Handler { return_offset, frame_bytes, vmctx_at, tag, landing } in handlers {
        for word in [return_offset, frame_bytes, vmctx_at, tag, landing] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// The handlers encoded in `bytes`; `None` if these are not whole, or not in order.
pub fn decode(bytes: &[u8]) -> Option<Vec<Handler>> {
    let (rows, rest) = bytes.as_chunks::<BYTES>();
    let handler = |row: &[u8; BYTES]| {
        let (words, _) = row.as_chunks::<4>();
        let word = |n: usize| u32::from_le_bytes(words[n]);
        Handler {
            return_offset: word(0),
            frame_bytes: word(1),
            vmctx_at: word(2),
            tag: word(3),
            landing: word(4),
        }
    };
    let handlers: Vec<Handler> = rows.iter().map(handler).collect();
    (rest.is_empty() && handlers.is_sorted_by_key(|h| h.return_offset)).then_some(handlers)
}

/// The clauses of the call that returns to `return_offset`, in the order in which they are tried.
pub fn of_call(handlers: &[Handler], return_offset: u32) -> impl Iterator<Item = &Handler> {
    let first = handlers.partition_point(|h| h.return_offset < return_offset);
    handlers[first..].iter().take_while(move |h| h.return_offset == return_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_survive_encoding_and_are_found_by_their_call() {
        let row =
            |return_offset, tag| Handler { return_offset, frame_bytes: 64, vmctx_at: 8, tag, landing: 99 };
        let rows = [row(7, 3), row(7, CATCH_ALL), row(1 << 20, 0)];
        let mut bytes = Vec::new();
        encode(&rows, &mut bytes);
        assert_eq!(decode(&bytes).as_deref(), Some(&rows[..]));
        assert_eq!(of_call(&rows, 7).count(), 2);
        assert_eq!(of_call(&rows, 8).count(), 0);
        assert_eq!(of_call(&rows, 1 << 20).map(|h| h.tag).collect::<Vec<_>>(), [0]);
        assert_eq!(decode(&bytes[1..]), None, "cut");
        bytes.rotate_left(BYTES);
        bytes.rotate_left(BYTES);
        assert_eq!(decode(&bytes), None, "out of order");
    }
}
