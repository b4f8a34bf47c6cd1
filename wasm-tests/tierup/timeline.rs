//! What happens when, compiles in place: the same in every run, byte for byte.

use super::{instance, listening, program, results};
use latier::{Config, TierUp, TypedFunc};

#[test]
fn a_small_program_s_timeline_is_this() {
    let wat = r#"(module
        (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "run") (param i32) (result i32)
          (loop $again
            (local.set 0 (call $leaf (local.get 0)))
            (br_if $again (i32.lt_u (local.get 0) (i32.const 5))))
          (local.get 0)))"#;
    let mut config = Config::new();
    let heard = listening(config.tier_up(TierUp::Stepped(2)));
    let (mut store, instance) = instance(&config, wat);
    let run: TypedFunc<i32, i32> = instance.get_typed_func(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 0).unwrap(), 5);
    let first_run = [
        "first call 1",
        "compiled 1 baseline",
        "redirected 1 baseline",
        "first call 0",
        "compiled 0 baseline",
        "redirected 0 baseline",
        "hot 1 at 0x1",
        "hot 0, called by 1",
        "compiled 0 optimized",
        "redirected 0 optimized",
        "compiled 1 at 0x1 optimized",
        "entered 1 at 0x1",
    ];
    assert_eq!(heard.all(), first_run);
    assert_eq!(run.call(&mut store, 0).unwrap(), 5);
    assert_eq!(heard.all()[first_run.len()..], ["hot 1", "compiled 1 optimized", "redirected 1 optimized"]);
    assert_eq!(run.call(&mut store, 0).unwrap(), 5);
    assert_eq!(heard.all().len(), first_run.len() + 3, "there is nothing left to do");
}

#[test]
fn a_larger_program_s_timeline_is_the_same_in_every_run() {
    let timeline = |samples| {
        let mut config = Config::new();
        let heard = listening(config.tier_up(TierUp::Stepped(samples)));
        let (mut store, instance) = instance(&config, &program(24));
        results(&mut store, instance);
        heard.all()
    };
    for samples in 1..=3 {
        let first = timeline(samples);
        assert!(first.len() >= 25 * 6, "{first:?}");
        assert_eq!(timeline(samples), first);
    }
    assert_ne!(timeline(1), timeline(3));
}

#[test]
fn what_the_filter_keeps_in_the_first_tier_stays_there() {
    let mut config = Config::new();
    let heard = listening(config.tier_up(TierUp::Stepped(1)).tier_filter("1".parse().unwrap()));
    let (mut store, instance) = instance(&config, &program(4));
    results(&mut store, instance);
    let all = heard.all();
    let optimized: Vec<&String> =
        all.iter().filter(|event| event.starts_with("compiled") && event.ends_with("optimized")).collect();
    assert!(!optimized.is_empty(), "{all:?}");
    assert!(optimized.iter().all(|event| event.starts_with("compiled 1 ")), "{optimized:?}");
}
