//! What tables hold at first, as far as the module's own segments say. Calls by a table are promoted to direct calls by
//! this: a guess, which the code checks at each call, since tables may be written to and segments may meet another
//! module's table.

use latier_runtime::abi::FuncIndex;
use latier_runtime::module::{ConstExpr, ConstOp, ElementItems, ElementMode, ElementSegment, ModuleDesc};
use latier_runtime::types::TypeId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

/// Of how many functions a call by a table is promoted to direct calls of each. A call that always leads to one is
/// predicted as it is; for many, the code would be long.
const FUNCTIONS: RangeInclusive<usize> = 2..=8;

/// Of more elements than this in all, nothing is known: it would take more memory than it is worth.
const MOST_ELEMENTS: usize = 1 << 17;

/// In more places of a table than this, functions of one type are not told apart by their places.
const MOST_PLACES: usize = 64;

/// An element that a table holds at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstElement {
    /// Its index in the table.
    pub at: u32,
    /// The function, which the module defines.
    pub function: FuncIndex,
}

/// The functions that tables hold at first, by table and type.
#[derive(Debug, Default)]
pub struct FirstElements(HashMap<(u32, TypeId), Vec<FirstElement>>);

impl FirstElements {
    pub(super) fn new(desc: &ModuleDesc) -> FirstElements {
        let mut elements = BTreeMap::new();
        if desc.elements.iter().map(|segment| segment.items.count()).sum::<usize>() > MOST_ELEMENTS {
            return FirstElements::default();
        }
        for segment in &desc.elements {
            if let Some((table, first, functions)) = placed(segment) {
                elements.extend((first..=u32::MAX).zip(functions).map(|(at, held)| ((table, at), held)));
            }
        }
        let mut of_type: HashMap<_, Vec<FirstElement>> = HashMap::new();
        for ((table, at), held) in elements {
            if let Some(function) = held.map(FuncIndex).filter(|function| function.0 >= desc.func_imports) {
                let key = (table, desc.func_type_id(function));
                of_type.entry(key).or_default().push(FirstElement { at, function });
            }
        }
        of_type.retain(|_, elements| {
            elements.len() <= MOST_PLACES
                && FUNCTIONS.contains(&elements.iter().map(|e| e.function).collect::<HashSet<_>>().len())
        });
        FirstElements(of_type)
    }

    /// The functions of exactly this type that the table holds at first, each where it stands, in order; none unless
    /// there are a few.
    pub fn of(&self, table: u32, ty: TypeId) -> &[FirstElement] {
        self.0.get(&(table, ty)).map_or(&[], Vec::as_slice)
    }
}

/// The table, the first index and the functions, null for none, of a segment that is placed where its module says.
fn placed(segment: &ElementSegment) -> Option<(u32, u32, Vec<Option<u32>>)> {
    let ElementMode::Active { table, offset } = &segment.mode else { return None };
    let [ConstOp::I32(first)] = offset.0[..] else { return None };
    let functions = match &segment.items {
        ElementItems::Functions(functions) => functions.iter().copied().map(Some).collect(),
        ElementItems::Expressions(expressions) => {
            let function = |expr: &ConstExpr| match expr.0[..] {
                [ConstOp::RefFunc(function)] => Some(function),
                _ => None,
            };
            expressions.iter().map(function).collect()
        }
    };
    Some((*table, first.cast_unsigned(), functions))
}
