//! The values that operators are tried with: those at which something changes.

const INTEGERS: [i64; 21] = [
    0,
    1,
    -1,
    2,
    -7,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    255,
    -128,
    65536,
    0x5a5a_1234,
    0x7fff_ffff,
    -0x8000_0000,
    0x55aa_0f0f,
    -0x1234_5678,
];

const LONG: [i64; 10] = [
    i64::MIN,
    i64::MAX,
    0xffff_ffff,
    0x8000_0000,
    -0x8000_0001,
    0x1_0000_0000,
    0x5a5a_1234_5678_9abc,
    -0x0123_4567_89ab_cdef,
    i64::MIN + 1,
    0x7fff_ffff_ffff_0000,
];

const FLOATS: [f64; 12] =
    [0.0, -0.0, 1.5, -2.5, 0.5, -0.5, 1e9, -3.4e38, 1e-40, f64::INFINITY, f64::NEG_INFINITY, -0.99];

/// Limits of conversions to integers.
const LIMITS: [f64; 8] = [
    2147483648.0,
    -2147483648.0,
    4294967296.0,
    9223372036854775808.0,
    -9223372036854775808.0,
    18446744073709551616.0,
    -2147483649.0,
    -1.0,
];

/// Bytes of the memories `$m` and `$m64`.
pub const BYTES: u64 = 514 << 16;
/// The same of `$m64`.
pub const BYTES64: u64 = 2 << 16;

fn f32_bits() -> Vec<u128> {
    let mut values: Vec<u32> = FLOATS.iter().map(|v| (*v as f32).to_bits()).collect();
    for limit in LIMITS {
        let bits = (limit as f32).to_bits();
        values.extend([bits, bits - 1, bits + 1]);
    }
    // Quiet and signalling NaNs of both signs, the smallest number and the largest.
    values.extend([0x7fc0_0000, 0xffc0_1234, 0x7fa0_0000, 0xff80_0001, 1, 0x7f7f_ffff]);
    values.into_iter().map(u128::from).collect()
}

fn f64_bits() -> Vec<u128> {
    let mut values: Vec<u64> = FLOATS.iter().map(|v| v.to_bits()).collect();
    for limit in LIMITS {
        let bits = limit.to_bits();
        values.extend([bits, bits - 1, bits + 1]);
    }
    let quiet = 0x7ff8_0000_0000_0000;
    values.extend([quiet, quiet | 1 << 63 | 0x1234, 0x7ff4_0000_0000_0000, 0xfff0_0000_0000_0001, 1]);
    values.extend([f64::MAX.to_bits(), 2147483647.5f64.to_bits(), (-2147483648.5f64).to_bits()]);
    values.into_iter().map(u128::from).collect()
}

/// Vectors whose lanes are these.
fn vectors(lanes: &[u128], bits: usize) -> Vec<u128> {
    let mask = u128::MAX >> (128 - bits);
    let count = 128 / bits;
    let mut vectors = Vec::new();
    for n in 0..lanes.len() {
        let lane = |k: usize| (lanes[(n * (k % 3 + 1) + 5 * k) % lanes.len()] & mask) << (bits * k);
        vectors.push((0..count).map(lane).fold(0, |vector, lane| vector | lane));
    }
    vectors
}

fn integers(long: bool) -> Vec<u128> {
    let values = INTEGERS.iter().chain(if long { &LONG[..] } else { &[] });
    values.map(|v| if long { u128::from(*v as u64) } else { u128::from(*v as u32) }).collect()
}

/// Addresses in a memory of so many bytes: aligned and not, around its end less each of some offsets, and far out.
fn addresses(bytes: u64) -> Vec<u128> {
    let mut values = vec![0, 1, 2, 4, 24, 100, 333, 8192];
    for offset in [0, 8, 127, 40000, 32 << 20] {
        values.extend(
            Some(bytes)
                .filter(|end| *end > offset)
                .into_iter()
                .flat_map(|end| [16, 8, 4, 2, 1, 0].map(|back| end - offset - back)),
        );
    }
    values.extend([0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff]);
    values.into_iter().map(u128::from).collect()
}

/// The values of a kind of operand, by their bits.
pub fn of(kind: &str) -> Vec<u128> {
    match kind {
        "i32" => integers(false),
        "i64" => integers(true),
        "f32" => f32_bits(),
        "f64" => f64_bits(),
        "f32x4" => vectors(&f32_bits(), 32),
        "f64x2" => vectors(&f64_bits(), 64),
        "v128" => {
            let mut all = vec![0, u128::MAX, 1 << 127, 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10];
            all.extend(vectors(&[0, 0x7f, 0x80, 0xff, 1, 0x55, 0x0f, 0x11], 8));
            all.extend(vectors(&[0, 0x7fff, 0x8000, 0xffff, 1, 0xff, 0x5a12], 16));
            all.extend(vectors(&integers(false), 32));
            all.extend(vectors(&integers(true), 64));
            all
        }
        "a32" => addresses(BYTES),
        "a64" => {
            let mut all = addresses(BYTES64);
            all.extend([1 << 32, u128::from(u64::MAX), u128::from(u64::MAX) - 40000, 1 << 63]);
            all
        }
        "n32" => [0, 1, 2, 3, 7, 16, 40, 0x8000_0000, 0xffff_ffff].to_vec(),
        "n64" => [0, 1, 2, 3, 7, 16, 40, 0xffff_ffff, 1 << 32, u128::from(u64::MAX)].to_vec(),
        other => panic!("there are no values of {other}"),
    }
}

/// So many tuples of values, an operand each; all tuples of two if there are no more than that.
pub fn tuples(kinds: &[&str], count: usize) -> Vec<Vec<u128>> {
    let lists: Vec<Vec<u128>> = kinds.iter().map(|kind| of(kind)).collect();
    let all: usize = lists.iter().map(Vec::len).product();
    let tuple = |n: usize| {
        let mut rest = n;
        let each = lists.iter().map(|list| {
            let value = list[rest % list.len()];
            rest /= list.len();
            value
        });
        each.collect()
    };
    if all <= count {
        return (0..all).map(tuple).collect();
    }
    // A step without a common divisor with `all` meets every tuple once before it meets one twice.
    let step = (all * 5 / 13..).find(|step| divisor(*step, all) == 1).expect("`all` + 1 at the latest");
    (0..count).map(|n| tuple(n * step % all)).collect()
}

/// The greatest common divisor.
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}
