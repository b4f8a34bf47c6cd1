//! What the command line promises of timelines: the lines, and the page.

use super::{directory, must, program, two_modules};
use crate::process;
use libtest_mimic::Failed;
use serde_json::Value;
use std::fs;

/// A line for each event, on standard error or in a file.
pub fn lines() -> Result<(), Failed> {
    let directory = program("timeline")?;
    let output = process::latier(&directory, ["--timeline", "--mode", "optimized", "program.wat"], b"")?;
    let starts = [
        "created     4 functions",
        "first call  f0 (_start)",
        "compiled    f0 (_start) optimized: ",
        "redirected  f0 (_start) optimized",
        "first call  f1 (one)",
        "compiled    f1 (one) optimized: ",
        "redirected  f1 (one) optimized",
    ];
    lines_begin(&output.stderr, &starts)?;
    let output = process::latier(&directory, ["--timeline=t.txt", "program.wat"], b"")?;
    let lines = fs::read_to_string(directory.join("t.txt"))?.lines().count();
    must(output.stderr.is_empty() && lines == starts.len(), format!("{lines} lines"))
}

/// The lines of a timeline, behind their times, begin so.
fn lines_begin(timeline: &str, starts: &[&str]) -> Result<(), Failed> {
    let lines: Vec<&str> =
        timeline.lines().map(|line| line.split_once(" ms  ").unwrap_or_default().1).collect();
    let as_told =
        lines.len() == starts.len() && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start));
    must(as_told, timeline)
}

/// Of several modules, each event says which one it is about.
pub fn modules() -> Result<(), Failed> {
    let directory = two_modules("timeline-modules")?;
    let args = ["--timeline", "--mode", "fast", "--preload", "library=library.wat", "program.wat"];
    let output = process::latier(&directory, args, b"")?;
    let starts = [
        "created     1 functions",
        "created     m1: 1 functions",
        "first call  m0:f1 (_start)",
        "compiled    m0:f1 (_start) fast: ",
        "redirected  m0:f1 (_start) fast",
        "first call  m1:f0 (f)",
        "compiled    m1:f0 (f) fast: ",
        "redirected  m1:f0 (f) fast",
    ];
    lines_begin(&output.stderr, &starts)
}

/// Where everything is compiled before the start, workers take part, and it is said who did what.
pub fn workers() -> Result<(), Failed> {
    let directory = directory("timeline-workers")?;
    let many: String = (0..3000).map(|n| format!("(func (result i32) (i32.const {n}))")).collect();
    fs::write(directory.join("many.wat"), format!("(module (func (export \"_start\")) {many})"))?;
    let args = ["--timeline", "--mode", "eager-optimized", "many.wat"];
    let output = process::latier(&directory, args, b"")?;
    let threads = std::thread::available_parallelism()?.get();
    let by_workers = output.stderr.lines().filter(|line| line.ends_with(']')).count();
    let named = output.stderr.contains(" [worker 1]");
    must(output.stderr.lines().count() == 1 + 3 * 3001, &output.stderr)?;
    must(threads == 1 || named && by_workers > 0, &output.stderr)
}

/// The page is complete in itself, and holds every event and every name, however it is spelled.
pub fn page() -> Result<(), Failed> {
    let directory = directory("timeline-page")?;
    let text = r#"(module (func $"</script><b>" (export "_start") (call $b)) (func $b) (func $never))"#;
    fs::write(directory.join("page.wat"), text)?;
    let args = ["--timeline=t.html", "--mode", "optimized", "page.wat", "--x=</script>"];
    let output = process::latier(&directory, args, b"")?;
    must(output.code == Some(0) && output.stderr.is_empty(), &output.stderr)?;
    let page = fs::read_to_string(directory.join("t.html"))?;
    must(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "a page")?;
    for pair in ["style", "script", "section", "header", "table", "thead", "tbody", "noscript"] {
        let (opened, closed) =
            (page.matches(&format!("<{pair}")).count(), page.matches(&format!("</{pair}>")).count());
        must(opened == closed, format!("{opened} times <{pair}>, {closed} times closed"))?;
    }
    let (_, rest) = page.split_once("type=\"application/json\" id=\"data\">").ok_or("no data")?;
    let (data, _) = rest.split_once("</script>").ok_or("no end of the data")?;
    let data: Value = serde_json::from_str(data)?;
    must(data["program"] == "page.wat" && data["arguments"][0] == "--x=</script>", &data["arguments"])?;
    must(data["mode"] == "optimized" && data["functions"] == 3, &data)?;
    must(data["names"] == serde_json::json!([[0, 0, "</script><b>"], [0, 1, "b"]]), &data["names"])?;
    let event = |event: &Value| -> Option<String> {
        let kind = data["kinds"][event[1].as_u64()? as usize].as_str()?;
        let tier = event[6].as_u64().map(|tier| data["tiers"][tier as usize].clone());
        let cost = event[7].as_array().map_or(0, Vec::len);
        Some(format!("{kind} {} {} {cost}", event[4], tier.unwrap_or_default()))
    };
    let events: Vec<String> =
        data["events"].as_array().ok_or("no events")?.iter().filter_map(event).collect();
    let expected = [
        "created null null 0",
        "first call 0 null 0",
        "compiled 0 \"optimized\" 5",
        "redirected 0 \"optimized\" 0",
        "first call 1 null 0",
        "compiled 1 \"optimized\" 5",
        "redirected 1 \"optimized\" 0",
    ];
    must(events == expected, format!("{events:?}"))?;
    let output = process::latier(&directory, ["--timeline=no/t.html", "page.wat"], b"")?;
    must(output.code == Some(1) && output.stderr.contains("cannot write `no/t.html`"), &output.stderr)
}
