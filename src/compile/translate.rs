//! From a validated WebAssembly body to Cranelift's intermediate form: one pass over the operators, each handed to
//! control, locals, or the family that lowers it. Knows no settings and no machine.

use super::control::{BaselineFrame, Control, LoopEntry};
use super::environ::{Cache, Environ};
use super::fuel::Meter;
use super::locals::{Locals, Source};
use super::lower::Lowering;
use super::target::RelaxedForms;
use super::{CompileError, Entry, FunctionBody, signature};
use crate::object::symbol::Symbol;
use crate::wasm::BranchHint;
use cranelift_codegen::ir::{Function, SourceLoc, Value};
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use latier_runtime::abi::CallLayout;
use latier_runtime::module::ModuleDesc;
use wasmparser::{BinaryReader, Operator, OperatorsReader};

/// What translation allocates, to be used again.
#[derive(Default)]
pub(crate) struct Translator {
    builder: FunctionBuilderContext,
    cache: Cache,
    control: Control,
    locals: Locals,
    stack: Vec<Value>,
}

impl Translator {
    /// Translates `body` to `func`, which is empty. `meter` is as new.
    ///
    /// # Errors
    /// When the body uses what is not supported. The translator is then of no more use.
    pub fn translate(
        &mut self,
        module: &ModuleDesc,
        body: FunctionBody<'_>,
        func: &mut Function,
        target: TargetFrontendConfig,
        relaxed: RelaxedForms,
        mut meter: Meter,
    ) -> Result<(), CompileError> {
        self.cache.clear();
        let ty = module.functions[body.index.0 as usize];
        let func_type = &*module.func_types[ty as usize];
        func.signature = signature::signature(func_type);
        let mut builder = FunctionBuilder::new(func, &mut self.builder);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let mut params = builder.block_params(entry).to_vec();
        let in_memory = CallLayout::results_in_memory(&func_type.results);
        let mut env = Environ::new(module, params[0], &mut self.cache, &mut builder);
        (env.bound, env.elements) = (body.bound, body.elements);
        let parsed = wasmparser::FunctionBody::new(BinaryReader::new(body.bytes, 0));
        let (code, area, entry);
        match body.entry {
            Entry::Start => {
                let own = params.split_off(1 + usize::from(in_memory));
                area = params.get(1).copied();
                code = self.locals.declare(&mut builder, func_type, Source::Call(&own), &parsed)?;
                entry = None;
            }
            Entry::Loop(offset) => {
                let mut frame = BaselineFrame::new(&mut builder, &env, in_memory, body.bytes);
                area = in_memory.then(|| frame.result_area(&mut builder));
                code = self.locals.declare(&mut builder, func_type, Source::Frame(&mut frame), &parsed)?;
                entry =
                    Some(LoopEntry::new(&mut builder, frame, offset, OperatorsReader::new(code.clone()))?);
            }
        }
        let mut lowering = Lowering::new(builder, env, std::mem::take(&mut self.stack), relaxed);
        self.control.start(&mut lowering, ty, area, entry)?;
        meter.start(&mut lowering);
        let (locals, control) = (&mut self.locals, &mut self.control);
        operators(OperatorsReader::new(code), body.hints, locals, control, &mut meter, &mut lowering)?;
        self.control.finish()?;
        let Lowering { builder, env, stack, .. } = lowering;
        self.stack = stack;
        env.finish(builder.func);
        self.locals.finish(builder.func);
        builder.finalize(target);
        Ok(())
    }

    /// The symbols of the last body, by ordinal.
    pub fn symbols(&self) -> &[Symbol] {
        self.cache.symbols()
    }
}

fn operators(
    mut reader: OperatorsReader<'_>,
    hints: &[BranchHint],
    locals: &mut Locals,
    control: &mut Control,
    meter: &mut Meter,
    f: &mut Lowering<'_>,
) -> Result<(), CompileError> {
    let mut hints = hints.iter().peekable();
    while !reader.eof() {
        let offset = reader.original_position() as u32;
        while hints.next_if(|hint| hint.offset < offset).is_some() {}
        f.hint = hints.peek().filter(|hint| hint.offset == offset).map(|hint| hint.likely);
        let op = reader.read()?;
        f.builder.set_srcloc(SourceLoc::new(offset));
        control.stand_at(offset, &op)?;
        let lowered = match control.is_reachable() {
            true => {
                meter.before(&op, f);
                let lowered = operator(&op, locals, control, f);
                meter.behind(&op, f);
                lowered
            }
            false => control.skip(&op, f),
        };
        lowered.map_err(|e| CompileError { offset: e.offset.or(Some(offset)), ..e })?;
    }
    Ok(())
}

fn operator(
    op: &Operator<'_>,
    locals: &mut Locals,
    control: &mut Control,
    f: &mut Lowering<'_>,
) -> Result<(), CompileError> {
    locals.check_size(f, control.variables())?;
    if locals.lower(op, f) || f.operator(op) || control.lower(op, f)? {
        return Ok(());
    }
    let text = format!("{op:?}");
    let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Err(CompileError { message: format!("operator {name} is not supported"), offset: None })
}
