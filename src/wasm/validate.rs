//! Function bodies: where they lie, private copies of them, and their validation. Knows nothing of when a body is
//! validated: that is the session's choice.

use super::Body;
use super::bytes::{ModuleBytes, Window};
use super::error::Error;
use super::features::Features;
use super::{missing, plain};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::ModuleDesc;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use wasmparser::{BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidatorResources};

/// The most bytes of a body that are accepted, as in other engines.
const MAX_BODY: u32 = 7_654_321;
/// Modules with more code than this are validated by several threads.
const PARALLEL_FROM: u64 = 1 << 20;
/// How much code a thread takes on at once.
const CHUNK: u64 = 128 << 10;

/// The bodies of a module's defined functions.
pub(super) struct Bodies {
    /// Where the code section's content begins.
    section: u64,
    /// Where each body lies: bytes from `section`, and its length. A section is shorter than 4 GiB.
    places: Vec<(u32, u32)>,
    /// What validation must know of the module; `None` if it has no bodies.
    resources: Option<ValidatorResources>,
    features: Features,
    /// Whether some may be [`plain`].
    plain: bool,
}

thread_local! {
    /// Buffers of this thread's last validation, for the next one.
    static ALLOCATIONS: Cell<Option<FuncValidatorAllocations>> = const { Cell::new(None) };
    /// The same of a plain body's.
    static PLAIN: RefCell<plain::Buffers> = RefCell::default();
}

impl Bodies {
    pub(super) fn none(features: Features) -> Bodies {
        Bodies { section: 0, places: Vec::new(), resources: None, features, plain: plain::may_be(features) }
    }

    /// Begins a code section with `count` bodies.
    pub(super) fn begin(&mut self, section: u64, count: u32) {
        self.section = section;
        self.places.reserve_exact(count as usize);
    }

    /// Adds the next body.
    pub(super) fn push(&mut self, offset: u64, len: u32) -> Result<(), Error> {
        if len > MAX_BODY {
            return Err(Error::new(offset, format!("function body size count exceeds limit of {MAX_BODY}")));
        }
        self.places.push(((offset - self.section) as u32, len));
        Ok(())
    }

    pub(super) fn set_resources(&mut self, resources: ValidatorResources) {
        self.resources = Some(resources);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.places.len() as u32
    }

    /// Where the n-th lies in the file.
    pub(super) fn range(&self, n: u32) -> Option<Range<u64>> {
        let (start, len) = *self.places.get(n as usize)?;
        let start = self.section + u64::from(start);
        Some(start..start + u64::from(len))
    }

    /// Bytes of all bodies.
    pub(super) fn code_bytes(&self) -> u64 {
        self.places.iter().map(|(_, len)| u64::from(*len)).sum()
    }

    /// Validates one body.
    pub(super) fn validate(&self, desc: &ModuleDesc, body: &Body) -> Result<(), Error> {
        self.validate_bytes(desc, body.index, body.offset, &body.bytes)
    }

    fn validate_bytes(
        &self,
        desc: &ModuleDesc,
        index: FuncIndex,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let ty = desc.functions.get(index.0 as usize).copied().filter(|_| self.plain);
        if ty.is_some_and(|ty| PLAIN.with_borrow_mut(|buffers| plain::is_valid(desc, ty, bytes, buffers))) {
            return Ok(());
        }
        let validate = |features: Features| self.validate_with(features, desc, index, at, bytes);
        validate(self.features).map_err(|e| missing::named(self.features, e, validate))
    }

    /// Validates the body of function `index`, which lies at `at`, with these features.
    pub(super) fn validate_with(
        &self,
        features: Features,
        desc: &ModuleDesc,
        index: FuncIndex,
        at: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let ty = desc.functions.get(index.0 as usize);
        let (Some(resources), Some(ty)) = (&self.resources, ty) else {
            return Err(Error::new(at, format!("the module has no function {}", index.0)));
        };
        let (resources, features) = (resources.clone(), features.flags());
        let function = FuncToValidate { resources, index: index.0, ty: *ty, features };
        let mut validator = function.into_validator(ALLOCATIONS.take().unwrap_or_default());
        let body = FunctionBody::new(BinaryReader::new_features(bytes, at, features));
        let result = validator.validate(&body);
        ALLOCATIONS.set(Some(validator.into_allocations()));
        Ok(result?)
    }

    /// Where the code section's content begins: what offsets in debugging information are relative to.
    pub(super) fn section_start(&self) -> u64 {
        self.section
    }

    /// Validates all bodies. Of several errors the first in the file is told, whichever was found first.
    pub(super) fn validate_all(&self, desc: &ModuleDesc, bytes: &ModuleBytes) -> Result<(), Error> {
        let work = Work {
            bodies: self,
            desc,
            bytes,
            chunks: self.chunks(),
            next: AtomicUsize::new(0),
            lowest: AtomicU64::new(u64::MAX),
        };
        let threads = match self.code_bytes() > PARALLEL_FROM {
            true => thread::available_parallelism().map_or(1, usize::from).min(work.chunks.len()),
            false => 1,
        };
        let errors = thread::scope(|scope| {
            // A thread that cannot be had is one less; this one works in any case.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work.run()).ok();
            let others: Vec<_> = (1..threads).map_while(spawn).collect();
            let mut errors = vec![work.run()];
            for other in others {
                errors.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            errors
        });
        errors.into_iter().flatten().min_by_key(|e| e.offset).map_or(Ok(()), Err)
    }

    /// Consecutive bodies in portions worth a thread's while.
    fn chunks(&self) -> Vec<Range<u32>> {
        let mut chunks = Vec::new();
        let (mut first, mut size) = (0, 0);
        for (n, (_, len)) in (0..).zip(&self.places) {
            size += u64::from(*len);
            if size >= CHUNK {
                chunks.push(first..n + 1);
                (first, size) = (n + 1, 0);
            }
        }
        if first < self.count() {
            chunks.push(first..self.count());
        }
        chunks
    }
}

/// A validation of all bodies, shared by the threads that work on it.
struct Work<'a> {
    bodies: &'a Bodies,
    desc: &'a ModuleDesc,
    bytes: &'a ModuleBytes,
    chunks: Vec<Range<u32>>,
    /// The next chunk that nobody has taken. Chunks are taken in the order of the file.
    next: AtomicUsize,
    /// Offset of the first error in the file so far.
    lowest: AtomicU64,
}

impl Work<'_> {
    /// Takes chunk after chunk, until none is left or one has an error: what comes later in the file does not matter
    /// then, and what comes earlier is taken by others.
    fn run(&self) -> Option<Error> {
        let mut window = Window::new(self.bytes);
        while let Some(chunk) = self.chunks.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            for n in chunk.clone() {
                let range = self.bodies.range(n)?;
                if range.start > self.lowest.load(Ordering::Relaxed) {
                    return None;
                }
                if let Err(e) = self.validate(&mut window, n, range) {
                    self.lowest.fetch_min(e.offset, Ordering::Relaxed);
                    return Some(e);
                }
            }
        }
        None
    }

    fn validate(&self, window: &mut Window<'_>, n: u32, range: Range<u64>) -> Result<(), Error> {
        let len = range.end - range.start;
        let bytes = &window.at(range.start, len)?[..len as usize];
        let index = FuncIndex(self.desc.func_imports + n);
        self.bodies.validate_bytes(self.desc, index, range.start, bytes)
    }
}
