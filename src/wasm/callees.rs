//! Which functions a body calls directly.

use latier_runtime::abi::FuncIndex;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The functions from `first` on that a validated body calls by their index, each once, in order.
pub fn callees(body: &[u8], first: u32) -> Vec<FuncIndex> {
    let mut callees = Vec::new();
    let body = FunctionBody::new(BinaryReader::new(body, 0));
    for op in body.get_operators_reader().into_iter().flatten().map_while(Result::ok) {
        if let Operator::Call { function_index } | Operator::ReturnCall { function_index } = op
            && function_index >= first
        {
            callees.push(FuncIndex(function_index));
        }
    }
    callees.sort_unstable();
    callees.dedup();
    callees
}
