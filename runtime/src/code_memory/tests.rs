//! Tests of code memory.
