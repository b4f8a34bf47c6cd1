//! The operators that have stencils, by the types of their operands and results. A line is
//! `operands -> results: operator operator ...`, with a `@` for each space inside an operator.
//!
//! Besides the types of values there are `a32` and `a64` (addresses), `n32` and `n64` (sizes), and among results
//! `f32~`, `f64~`, `f32x4~` and `f64x2~`: floats of which a NaN may be any NaN.

/// Operators and what they take and give.
pub struct Group {
    pub params: Vec<&'static str>,
    pub results: Vec<&'static str>,
    pub operators: Vec<String>,
}

/// The groups of a table.
pub fn groups(table: &'static str) -> Vec<Group> {
    table.lines().map(str::trim).filter(|line| !line.is_empty()).map(group).collect()
}

fn group(line: &'static str) -> Group {
    let (head, operators) = line.split_once(':').expect("a colon");
    let (params, results) = head.split_once("->").expect("an arrow");
    Group {
        params: params.split_whitespace().collect(),
        results: results.split_whitespace().collect(),
        operators: operators.split_whitespace().map(|op| op.replace('@', " ")).collect(),
    }
}

/// The type that a kind of value has.
pub fn type_of(kind: &str) -> &str {
    match kind.trim_end_matches('~') {
        "a32" | "n32" => "i32",
        "a64" | "n64" => "i64",
        "f32x4" | "f64x2" => "v128",
        other => other,
    }
}

/// Numbers without branches on them.
pub const NUMERIC: &str = "
    i32 -> i32: i32.clz i32.ctz i32.popcnt i32.extend8_s i32.extend16_s
    i32 i32 -> i32: i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
    i64 -> i64: i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s
    i64 i64 -> i64: i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr
    f32 -> f32: f32.abs f32.neg
    f32 -> f32~: f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt
    f32 f32 -> f32~: f32.add f32.sub f32.mul f32.div f32.min f32.max
    f32 f32 -> f32: f32.copysign
    f64 -> f64: f64.abs f64.neg
    f64 -> f64~: f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt
    f64 f64 -> f64~: f64.add f64.sub f64.mul f64.div f64.min f64.max
    f64 f64 -> f64: f64.copysign
    i64 -> i32: i32.wrap_i64
    i32 -> i64: i64.extend_i32_s i64.extend_i32_u
    f32 -> i32: i32.trunc_f32_s i32.trunc_f32_u i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.reinterpret_f32
    f64 -> i32: i32.trunc_f64_s i32.trunc_f64_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u
    f32 -> i64: i64.trunc_f32_s i64.trunc_f32_u i64.trunc_sat_f32_s i64.trunc_sat_f32_u
    f64 -> i64: i64.trunc_f64_s i64.trunc_f64_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u i64.reinterpret_f64
    i32 -> f32: f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32
    i64 -> f32: f32.convert_i64_s f32.convert_i64_u
    i32 -> f64: f64.convert_i32_s f64.convert_i32_u
    i64 -> f64: f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64
    f64 -> f32~: f32.demote_f64
    f32 -> f64~: f64.promote_f32
    i64 i64 i64 i64 -> i64 i64: i64.add128 i64.sub128
    i64 i64 -> i64 i64: i64.mul_wide_s i64.mul_wide_u
";

/// Comparisons, and `select`.
pub const CHOICES: &str = "
    i32 -> i32: i32.eqz
    i64 -> i32: i64.eqz
    i32 i32 -> i32: i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
    i64 i64 -> i32: i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u
    f32 f32 -> i32: f32.eq f32.ne f32.lt f32.gt f32.le f32.ge
    f64 f64 -> i32: f64.eq f64.ne f64.lt f64.gt f64.le f64.ge
    i32 i32 i32 -> i32: select select@(result@i32)
    i64 i64 i32 -> i64: select
    f32 f32 i32 -> f32: select
    f64 f64 i32 -> f64: select select@(result@f64)
    v128 v128 i32 -> v128: select
";

/// Vectors.
pub const VECTORS: &str = "
    i32 -> v128: i8x16.splat i16x8.splat i32x4.splat
    i64 -> v128: i64x2.splat
    f32 -> v128: f32x4.splat
    f64 -> v128: f64x2.splat
    v128 -> i32: i8x16.extract_lane_s@0 i8x16.extract_lane_s@15 i8x16.extract_lane_u@7 i16x8.extract_lane_s@0 i16x8.extract_lane_s@7 i16x8.extract_lane_u@3 i32x4.extract_lane@0 i32x4.extract_lane@3 i8x16.all_true i16x8.all_true i32x4.all_true i64x2.all_true v128.any_true i8x16.bitmask i16x8.bitmask i32x4.bitmask i64x2.bitmask
    v128 -> i64: i64x2.extract_lane@0 i64x2.extract_lane@1
    v128 -> f32: f32x4.extract_lane@0 f32x4.extract_lane@2
    v128 -> f64: f64x2.extract_lane@0 f64x2.extract_lane@1
    v128 i32 -> v128: i8x16.replace_lane@0 i8x16.replace_lane@15 i16x8.replace_lane@0 i16x8.replace_lane@7 i32x4.replace_lane@0 i32x4.replace_lane@3
    v128 i64 -> v128: i64x2.replace_lane@0 i64x2.replace_lane@1
    v128 f32 -> v128: f32x4.replace_lane@0 f32x4.replace_lane@3
    v128 f64 -> v128: f64x2.replace_lane@0 f64x2.replace_lane@1
    v128 v128 -> v128: i8x16.shuffle@0@17@2@19@4@21@6@23@8@25@10@27@12@29@14@31 i8x16.shuffle@15@14@13@12@11@10@9@8@7@6@5@4@3@2@1@0 i8x16.swizzle
    v128 v128 -> v128: i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u i8x16.ge_s i8x16.ge_u
    v128 v128 -> v128: i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u
    v128 v128 -> v128: i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u
    v128 v128 -> v128: i64x2.eq i64x2.ne i64x2.lt_s i64x2.gt_s i64x2.le_s i64x2.ge_s
    f32x4 f32x4 -> v128: f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge
    f64x2 f64x2 -> v128: f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge
    v128 -> v128: v128.not i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i16x8.neg i32x4.abs i32x4.neg i64x2.abs i64x2.neg
    v128 v128 -> v128: v128.and v128.andnot v128.or v128.xor
    v128 v128 v128 -> v128: v128.bitselect i8x16.relaxed_laneselect i16x8.relaxed_laneselect i32x4.relaxed_laneselect i64x2.relaxed_laneselect
    v128 v128 -> v128: i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u
    v128 i32 -> v128: i8x16.shl i8x16.shr_s i8x16.shr_u i16x8.shl i16x8.shr_s i16x8.shr_u i32x4.shl i32x4.shr_s i32x4.shr_u i64x2.shl i64x2.shr_s i64x2.shr_u
    v128 v128 -> v128: i8x16.add i8x16.add_sat_s i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u i8x16.avgr_u
    v128 v128 -> v128: i16x8.add i16x8.add_sat_s i16x8.add_sat_u i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u i16x8.avgr_u i16x8.q15mulr_sat_s i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s i8x16.relaxed_swizzle
    v128 v128 -> v128: i32x4.add i32x4.sub i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s i64x2.add i64x2.sub i64x2.mul
    v128 v128 v128 -> v128: i32x4.relaxed_dot_i8x16_i7x16_add_s
    v128 -> v128: i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u
    v128 -> v128: i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u i16x8.extend_high_i8x16_u i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u
    v128 v128 -> v128: i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s i16x8.extmul_low_i8x16_u i16x8.extmul_high_i8x16_u i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u
    f32x4 -> v128: f32x4.abs f32x4.neg i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u
    f64x2 -> v128: f64x2.abs f64x2.neg i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero
    f32x4 -> f32x4~: f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f32x4.sqrt
    f64x2 -> f64x2~: f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest f64x2.sqrt
    f32x4 f32x4 -> f32x4~: f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax f32x4.relaxed_min f32x4.relaxed_max
    f64x2 f64x2 -> f64x2~: f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax f64x2.relaxed_min f64x2.relaxed_max
    f32x4 f32x4 f32x4 -> f32x4~: f32x4.relaxed_madd f32x4.relaxed_nmadd
    f64x2 f64x2 f64x2 -> f64x2~: f64x2.relaxed_madd f64x2.relaxed_nmadd
    v128 -> v128: f32x4.convert_i32x4_s f32x4.convert_i32x4_u f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u
    f64x2 -> f32x4~: f32x4.demote_f64x2_zero
    f32x4 -> f64x2~: f64x2.promote_low_f32x4
";

/// Accesses to memory without their memory and offset, which follow the name; `a` is an address.
pub const ACCESSES: &str = "
    a -> i32: i32.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u
    a -> i64: i64.load i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u
    a -> f32: f32.load
    a -> f64: f64.load
    a i32 -> : i32.store i32.store8 i32.store16
    a i64 -> : i64.store i64.store8 i64.store16 i64.store32
    a f32 -> : f32.store
    a f64 -> : f64.store
    a -> v128: v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat v128.load32_zero v128.load64_zero
    a v128 -> : v128.store
    a v128 -> v128: v128.load8_lane@*@13 v128.load16_lane@*@5 v128.load32_lane@*@1 v128.load64_lane@*@1
    a v128 -> : v128.store8_lane@*@13 v128.store16_lane@*@5 v128.store32_lane@*@1 v128.store64_lane@*@1
";

/// The same of atomic accesses.
pub const ATOMICS: &str = "
    a -> i32: i32.atomic.load i32.atomic.load8_u i32.atomic.load16_u
    a -> i64: i64.atomic.load i64.atomic.load8_u i64.atomic.load16_u i64.atomic.load32_u
    a i32 -> : i32.atomic.store i32.atomic.store8 i32.atomic.store16
    a i64 -> : i64.atomic.store i64.atomic.store8 i64.atomic.store16 i64.atomic.store32
    a i32 -> i32: i32.atomic.rmw.add i32.atomic.rmw.sub i32.atomic.rmw.and i32.atomic.rmw.or i32.atomic.rmw.xor i32.atomic.rmw.xchg
    a i32 -> i32: i32.atomic.rmw8.add_u i32.atomic.rmw8.sub_u i32.atomic.rmw8.and_u i32.atomic.rmw8.or_u i32.atomic.rmw8.xor_u i32.atomic.rmw8.xchg_u
    a i32 -> i32: i32.atomic.rmw16.add_u i32.atomic.rmw16.sub_u i32.atomic.rmw16.and_u i32.atomic.rmw16.or_u i32.atomic.rmw16.xor_u i32.atomic.rmw16.xchg_u
    a i64 -> i64: i64.atomic.rmw.add i64.atomic.rmw.sub i64.atomic.rmw.and i64.atomic.rmw.or i64.atomic.rmw.xor i64.atomic.rmw.xchg
    a i64 -> i64: i64.atomic.rmw8.add_u i64.atomic.rmw8.sub_u i64.atomic.rmw8.and_u i64.atomic.rmw8.or_u i64.atomic.rmw8.xor_u i64.atomic.rmw8.xchg_u
    a i64 -> i64: i64.atomic.rmw16.add_u i64.atomic.rmw16.sub_u i64.atomic.rmw16.and_u i64.atomic.rmw16.or_u i64.atomic.rmw16.xor_u i64.atomic.rmw16.xchg_u
    a i64 -> i64: i64.atomic.rmw32.add_u i64.atomic.rmw32.sub_u i64.atomic.rmw32.and_u i64.atomic.rmw32.or_u i64.atomic.rmw32.xor_u i64.atomic.rmw32.xchg_u
    a i32 i32 -> i32: i32.atomic.rmw.cmpxchg i32.atomic.rmw8.cmpxchg_u i32.atomic.rmw16.cmpxchg_u
    a i64 i64 -> i64: i64.atomic.rmw.cmpxchg i64.atomic.rmw8.cmpxchg_u i64.atomic.rmw16.cmpxchg_u i64.atomic.rmw32.cmpxchg_u
    a i32 -> i32: memory.atomic.notify
    a i32 -> i32: i64.const@1@memory.atomic.wait32
    a i64 -> i32: i64.const@1@memory.atomic.wait64
    -> : atomic.fence
";

/// Globals, tables, references and whole memories.
pub const ENTITIES: &str = "
    i32 -> : global.set@$i32
    i64 -> : global.set@$i64
    f32 -> : global.set@$f32
    f64 -> : global.set@$f64
    v128 -> : global.set@$v128
    -> i32: global.get@$i32 global.get@$constant ref.null@func@ref.is_null ref.func@$f@ref.is_null ref.func@$f@global.set@$ref@global.get@$ref@ref.is_null ref.func@$f@ref.as_non_null@ref.is_null
    -> i64: global.get@$i64
    -> f32: global.get@$f32
    -> f64: global.get@$f64
    -> v128: global.get@$v128
    n32 -> i32: table.get@$t@ref.is_null
    n32 i32 -> i32: local.set@$n@table.get@$t@ref.null@func@local.get@$n@select@(result@funcref)@ref.is_null
    n32 -> : ref.func@$f@table.set@$t ref.null@func@table.set@$t
    n64 -> i32: table.get@$t64@ref.is_null
    n64 -> : ref.func@$f@table.set@$t64
    -> i32: table.size@$t table.size@$fixed memory.size@$m memory.size@$io memory.size@$sh
    -> i64: table.size@$t64 memory.size@$m64
    n32 -> i32: memory.grow@$grown
    n64 -> i64: memory.grow@$grown64
    i32 -> i32: local.set@$n@ref.null@func@local.get@$n@table.grow@$t
    n32 n32 -> : local.set@$n@ref.func@$f@local.get@$n@table.fill@$t local.set@$n@ref.null@func@local.get@$n@table.fill@$t
    n32 n32 n32 -> : table.copy@$t@$t table.copy@$t@$fixed table.init@$t@$e
    a32 i32 n32 -> : memory.fill@$m memory.fill@$io2
    a64 i32 n64 -> : memory.fill@$m64
    a32 a32 n32 -> : memory.copy@$m@$m memory.copy@$m@$io2
    a64 a64 n64 -> : memory.copy@$m64@$m64
    a32 n32 n32 -> : memory.init@$m@$d
    -> : data.drop@$d elem.drop@$e
    a32 n32 n32 -> : memory.init@$m@$d
    n32 n32 n32 -> : table.init@$t@$e
";

/// What operators name: what stands around their bodies.
pub const AROUND: &str = r#"
    (memory $m (export "m") 514) (memory $io (export "io") 1) (memory $m64 (export "m64") i64 2 2)
    (memory $sh 1 1 shared) (memory $io2 (export "io2") 1 1) (memory $grown 1 3) (memory $grown64 i64 1 3)
    (global $i32 (mut i32) (i32.const 5)) (global $i64 (mut i64) (i64.const -5)) (global $f32 (mut f32) (f32.const 5))
    (global $f64 (mut f64) (f64.const -5)) (global $v128 (mut v128) (v128.const i64x2 5 6))
    (global $constant i32 (i32.const 77)) (global $ref (mut funcref) (ref.null func))
    (table $t 10 40 funcref) (table $fixed 7 7 funcref) (table $t64 i64 8 funcref)
    (func $f) (elem $e func $f $f $f) (elem declare func $f) (data $d "0123456789abcdef")
"#;

/// An operator of [`ACCESSES`] or [`ATOMICS`] with its memory and its offset, if it has operands.
pub fn placed(operator: &str, params: &[&str], memory: &str, offset: u64) -> String {
    match operator.split_once('*') {
        _ if params.is_empty() => operator.into(),
        Some((name, lane)) => format!("{name}{memory} offset={offset}{lane}"),
        None => format!("{operator} {memory} offset={offset}"),
    }
}
