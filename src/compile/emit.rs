//! From Cranelift's machine code to an object: the code, its relocations, and its sites. Knows no file format.

use super::CompileError;
use super::environ::VMCTX_KEY;
use crate::object::symbol::{Symbol, SymbolName};
use crate::object::write::{RelocKind, Relocation, Target, Writer};
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::ir::function::FunctionParameters;
use cranelift_codegen::ir::{self, ExternalName, LibCall, SourceLoc, StackSlotKey};
use cranelift_codegen::{
    CompiledCode, Final, FinalizedMachExceptionHandler, FinalizedMachReloc, FinalizedRelocTarget,
    MachBufferFinalized,
};
use latier_runtime::abi::TrapCode;
use latier_runtime::handlers::{self, CATCH_ALL, Handler};
use latier_runtime::sites::{Site, SiteKind, SiteWriter};

/// What emission allocates, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Emitter {
    relocations: Vec<Relocation>,
    sites: Vec<Site>,
    encoded: SiteWriter,
    handlers: Vec<Handler>,
    encoded_handlers: Vec<u8>,
    writer: Writer,
}

impl Emitter {
    /// The object of `code`, whose outside names are `symbols` by ordinal.
    ///
    /// # Errors
    /// When Cranelift asks for a relocation that has no place in our objects.
    pub fn object(
        &mut self,
        code: &CompiledCode,
        params: &FunctionParameters,
        symbols: &[Symbol],
    ) -> Result<Vec<u8>, CompileError> {
        self.relocations.clear();
        for relocation in code.buffer.relocs() {
            let relocation = convert(relocation, params, symbols);
            self.relocations.push(relocation.map_err(|message| CompileError { message, offset: None })?);
        }
        self.sites.clear();
        collect_sites(&code.buffer, &mut self.sites);
        self.encoded.clear();
        self.encoded.extend(self.sites.iter().copied());
        self.handlers.clear();
        collect_handlers(&code.buffer, &mut self.handlers)
            .map_err(|message| CompileError { message, offset: None })?;
        self.encoded_handlers.clear();
        handlers::encode(&self.handlers, &mut self.encoded_handlers);
        let (text, align) = (code.buffer.data(), code.buffer.alignment);
        let (sites, handlers) = (self.encoded.bytes(), &self.encoded_handlers);
        Ok(self.writer.object(text, align, &self.relocations, sites, handlers))
    }
}

fn convert(
    relocation: &FinalizedMachReloc,
    params: &FunctionParameters,
    symbols: &[Symbol],
) -> Result<Relocation, String> {
    let kind = match relocation.kind {
        Reloc::X86GOTPCRel4 => RelocKind::GotPcRel,
        Reloc::X86CallPCRel4 | Reloc::X86CallPLTRel4 => RelocKind::CallPcRel,
        Reloc::Abs8 => RelocKind::Abs8,
        other => return Err(format!("relocation {other} is not supported")),
    };
    let target = match &relocation.target {
        FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
            let ordinal = params.user_named_funcs()[*name].index;
            Target::Symbol(SymbolName { kind: symbols[ordinal as usize].kind(), ordinal })
        }
        FinalizedRelocTarget::ExternalName(ExternalName::LibCall(libcall)) => {
            Target::Libcall(name(*libcall)?)
        }
        other => return Err(format!("relocation to {} is not supported", other.display(Some(params)))),
    };
    Ok(Relocation { offset: relocation.offset, kind, target, addend: relocation.addend })
}

/// The name of the function that stands in for an instruction which the processor lacks.
fn name(libcall: LibCall) -> Result<&'static str, String> {
    Ok(match libcall {
        LibCall::CeilF32 => "ceilf32",
        LibCall::CeilF64 => "ceilf64",
        LibCall::FloorF32 => "floorf32",
        LibCall::FloorF64 => "floorf64",
        LibCall::TruncF32 => "truncf32",
        LibCall::TruncF64 => "truncf64",
        LibCall::NearestF32 => "nearestf32",
        LibCall::NearestF64 => "nearestf64",
        other => return Err(format!("library function {other} is not supported")),
    })
}

/// The calls and traps of the code, in its order.
fn collect_sites(code: &MachBufferFinalized<Final>, sites: &mut Vec<Site>) {
    let calls = code.call_sites().map(|call| Site {
        code_offset: call.ret_addr,
        wasm_offset: 0,
        kind: SiteKind::Call,
    });
    let traps = code.traps().iter().filter_map(|trap| {
        let kind = SiteKind::Trap(our_code(trap.code)?);
        Some(Site { code_offset: trap.offset, wasm_offset: 0, kind })
    });
    sites.extend(calls);
    sites.extend(traps);
    sites.sort_by_key(|site| (site.code_offset, site.kind != SiteKind::Call));
    // Ranges of source locations are sorted too and do not overlap: one walk over both finds each site's.
    let mut ranges = code.get_srclocs_sorted().iter().peekable();
    for site in sites {
        // The instruction before a return address is the call.
        let at = site.code_offset - u32::from(site.kind == SiteKind::Call);
        while ranges.next_if(|range| range.end <= at).is_some() {}
        let range = ranges.peek().filter(|range| range.start <= at && range.loc != SourceLoc::default());
        site.wasm_offset = range.map_or(0, |range| range.loc.bits());
    }
}

/// The handlers of the calls, in the order of their return addresses.
fn collect_handlers(code: &MachBufferFinalized<Final>, handlers: &mut Vec<Handler>) -> Result<(), String> {
    for call in code.call_sites().filter(|call| !call.exception_handlers.is_empty()) {
        let frame_bytes = call.frame_offset.ok_or("a call with handlers has no frame")?;
        let layout = code.frame_layout().ok_or("a frame without a layout")?;
        let slot = layout.stackslots.values().find(|slot| slot.key == Some(StackSlotKey::new(VMCTX_KEY)));
        let slot = slot.ok_or("a frame with handlers does not keep its vmctx")?;
        let vmctx_at = slot.offset + frame_bytes - layout.frame_to_fp_offset;
        for item in call.exception_handlers {
            let (tag, landing) = match *item {
                FinalizedMachExceptionHandler::Tag(tag, landing) => (tag.as_u32(), landing),
                FinalizedMachExceptionHandler::Default(landing) => (CATCH_ALL, landing),
                FinalizedMachExceptionHandler::Context(_) => return Err("a handler has a context".into()),
            };
            handlers.push(Handler { return_offset: call.ret_addr, frame_bytes, vmctx_at, tag, landing });
        }
    }
    handlers.sort_by_key(|handler| handler.return_offset);
    Ok(())
}

/// Our code for one of Cranelift's: those we gave it, and its own.
pub(crate) fn our_code(code: ir::TrapCode) -> Option<TrapCode> {
    Some(match code {
        ir::TrapCode::STACK_OVERFLOW => TrapCode::StackOverflow,
        ir::TrapCode::HEAP_OUT_OF_BOUNDS => TrapCode::MemoryOutOfBounds,
        ir::TrapCode::INTEGER_OVERFLOW => TrapCode::IntegerOverflow,
        ir::TrapCode::INTEGER_DIVISION_BY_ZERO => TrapCode::IntegerDivisionByZero,
        ir::TrapCode::BAD_CONVERSION_TO_INTEGER => TrapCode::BadConversionToInteger,
        user => return TrapCode::from_u8(user.as_raw().get()),
    })
}
