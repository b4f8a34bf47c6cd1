//! Where a baseline frame has what it holds. Knows neither what is put there nor who reads it.
//!
//! ```text
//!   rbp ──►  caller's rbp
//!     -8     vmctx
//!            address of the result area, if results go through memory
//!            how often the activation was sampled, if the body may loop
//!            locals, then operands: a word each (vectors two), in the order of the operand stack
//! ```

/// The homes in a baseline frame, given out from top to bottom.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Homes {
    activation: Option<i32>,
    /// Words given out.
    words: u32,
}

impl Homes {
    /// Where the vmctx is, relative to `rbp`.
    pub const VMCTX: i32 = -8;
    /// Where the address of the result area is, if results go through memory.
    pub const RESULT_AREA: i32 = -16;

    /// The homes of a frame of which nothing is given out yet. `counted` says whether it counts samples of its
    /// activation, as frames of bodies do that [may loop](may_loop).
    pub fn new(results_in_memory: bool, counted: bool) -> Homes {
        let mut homes = Homes { activation: None, words: 1 + u32::from(results_in_memory) };
        homes.activation = counted.then(|| homes.next(1));
        homes
    }

    /// Where the count of samples is, if there is one.
    pub fn activation(&self) -> Option<i32> {
        self.activation
    }

    /// The next home, of so many words: the displacement of its lowest byte.
    pub fn next(&mut self, words: u32) -> i32 {
        self.words += words;
        self.end(0)
    }

    /// Where a home begins that ends `words` words below what is given out.
    #[inline]
    pub fn end(&self, words: u32) -> i32 {
        -((8 * (self.words + words)) as i32)
    }

    /// Bytes of the frame that are given out.
    pub fn bytes(&self) -> u32 {
        8 * self.words
    }
}

/// Whether a body may have loops: surely not if no byte of it is the operator's.
pub(crate) fn may_loop(body: &[u8]) -> bool {
    memchr::memchr(0x03, body).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Homes, may_loop};

    #[test]
    fn homes_follow_one_another_downwards() {
        let mut plain = Homes::new(false, false);
        assert_eq!((plain.activation(), plain.next(1), plain.next(2)), (None, -16, -32));
        assert_eq!((plain.end(1), plain.bytes()), (-40, 32));
        let mut all = Homes::new(true, true);
        assert_eq!((all.activation(), all.next(2), all.next(1)), (Some(-24), -40, -48));
        assert_eq!(Homes::new(false, true).activation(), Some(-16));
    }

    #[test]
    fn only_bodies_with_the_byte_may_loop() {
        assert!(may_loop(&[0, 0x03, 0x40, 0x0b, 0x0b]));
        assert!(!may_loop(&[0, 0x02, 0x40, 0x0b, 0x0b]));
    }
}
