//! Tests of the table: every operator has its stencil in registers at every place of the operand stack.

use super::form::{Class, Exit, Form, Ty};
use super::operator::{self, Template};
use super::table::{Instance, Table};
use crate::compile::FunctionBody;
use crate::wasm::{Features, Module, ModuleBytes};
use latier_runtime::abi::FuncIndex;
use latier_runtime::module::ModuleDesc;
use latier_runtime::types::TypeRegistry;
use wasmparser::{BinaryReader, Operator};

#[path = "../../../wasm-tests/stencils/operators.rs"]
mod operators;

use operators::{ACCESSES, ATOMICS, CHOICES, ENTITIES, Group, NUMERIC, VECTORS, groups, type_of};
