//! Which operators there are, by their names in the decoder, and which of them a module contains.

use std::collections::BTreeSet;
use wasmparser::{Operator, Parser, Payload};

macro_rules! names {
    ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($arity:tt)*) )*) => {
        /// Every operator: its proposal and its name.
        pub const ALL: &[(&str, &str)] = &[$( (stringify!($proposal), stringify!($op)) ),*];

        fn name(op: &Operator<'_>) -> &'static str {
            match op {
                $( Operator::$op { .. } => stringify!($op), )*
                _ => "an unknown operator",
            }
        }
    };
}
wasmparser::for_each_operator!(names);

/// The operators of a module's bodies.
pub fn operators(bytes: &[u8]) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            let operators = body.get_operators_reader().unwrap();
            found.extend(operators.into_iter().map(|op| name(&op.unwrap())));
        }
    }
    found
}
