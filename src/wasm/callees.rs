//! Which functions a body calls, as far as its code says.

use super::elements::FirstElements;
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::ModuleDesc;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The functions of the module that a validated body calls by their index, or by a table that holds few of their type at
/// first: each once, in order.
pub(super) fn callees(body: &[u8], desc: &ModuleDesc, elements: &FirstElements) -> Vec<FuncIndex> {
    let mut callees = Vec::new();
    let body = FunctionBody::new(BinaryReader::new(body, 0));
    for op in body.get_operators_reader().into_iter().flatten().map_while(Result::ok) {
        match op {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                callees.extend((function_index >= desc.func_imports).then_some(FuncIndex(function_index)));
            }
            Operator::CallIndirect { type_index, table_index } => {
                let elements = elements.of(table_index, desc.types[type_index as usize]);
                callees.extend(elements.iter().map(|element| element.function));
            }
            _ => {}
        }
    }
    callees.sort_unstable();
    callees.dedup();
    callees
}
