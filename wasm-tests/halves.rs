//! Two tiers in one program: every second function is stitched from stencils, the others come from the tier that the
//! mode says.

use latier::Tier;
use latier::compile::stencil::StencilBackend;
use latier::compile::{Backend, CompileError, Compiled, FunctionBody};
use latier::session::WrapBackend;
use latier_runtime::module::ModuleDesc;
use std::sync::Arc;

struct Halves {
    stencils: StencilBackend,
    other: Arc<dyn Backend>,
    odd: u32,
}

impl Backend for Halves {
    fn compile(&self, module: &ModuleDesc, body: FunctionBody<'_>) -> Result<Compiled, CompileError> {
        match body.index.0 % 2 == self.odd {
            // A body that has no stencils is refused as it would be in the first tier.
            true => self.stencils.compile(module, body).or_else(|_| self.other.compile(module, body)),
            false => self.other.compile(module, body),
        }
    }
}

/// What gives odd functions (1) or even ones (0) to the first tier.
pub fn halves(odd: u32) -> WrapBackend {
    Arc::new(move |_: Tier, other| Arc::new(Halves { stencils: StencilBackend::new(true, None), other, odd }))
}
