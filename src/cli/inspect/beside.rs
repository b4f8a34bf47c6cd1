//! Columns: the operators of a function, what the first tier makes of each, and the optimizing tier's code, beside each
//! other. Knows how wide text is, and not what it says.

use super::function::Function;
use super::stencils::Stencils;
use crate::compile::stencil::Listing;
use crate::{Result, Tier};

/// Characters of a line from which on columns are worth it.
pub(super) const WIDE: usize = 120;
/// What stands between columns.
const BETWEEN: &str = " │ ";

/// The columns, in lines of at most `width` characters.
pub(super) fn text(
    function: &Function<'_>,
    baseline: &Result<Listing>,
    optimized: &str,
    width: usize,
) -> String {
    let mut out = function.title();
    let (operators, stencils) = match baseline {
        Ok(listing) => {
            out += &function.sizes(listing);
            aligned(function, &Stencils::new(function, listing))
        }
        Err(refusal) => {
            let operators = function.lines.iter().map(|line| function.operator(line)).collect();
            (operators, vec![format!("{refusal:#}")])
        }
    };
    let columns = [operators, stencils, optimized.lines().map(String::from).collect()];
    let titles = ["Wasm", Tier::Baseline.name(), Tier::Optimized.name()];
    out + &table(titles, &columns, width)
}

/// The operators, and their code in the first tier: what belongs together begins in the same row.
fn aligned(function: &Function<'_>, stencils: &Stencils<'_>) -> (Vec<String>, Vec<String>) {
    let (mut operators, mut code) = (Vec::new(), Vec::new());
    let mut rows = |operator: Option<String>, text: &str| {
        operators.extend(operator);
        code.extend(text.lines().map(|line| line.strip_prefix("          ").unwrap_or(line).to_owned()));
        let rows = operators.len().max(code.len());
        operators.resize(rows, String::new());
        code.resize(rows, String::new());
    };
    let mut text = String::new();
    stencils.before(&mut text);
    rows(None, &text);
    for line in &function.lines {
        text.clear();
        stencils.operator(&mut text, line);
        if stencils.joined(line) {
            text += "; by the stencil of the operator before it";
        }
        rows(Some(function.operator(line)), &text);
    }
    text.clear();
    stencils.behind(&mut text);
    rows(None, &text);
    (operators, code)
}

/// Rows of three cells. A column is as wide as its widest cell, unless all together are too wide: then the first gets
/// at most a quarter, the second three eighths, and the third what is left.
fn table(titles: [&str; 3], columns: &[Vec<String>; 3], width: usize) -> String {
    let room = width.saturating_sub(2 * length(BETWEEN));
    let wanted = |n: usize| {
        let cells = columns[n].iter().map(|cell| length(cell));
        cells.max().unwrap_or(0).max(length(titles[n]))
    };
    let mut widths = [0, 1, 2].map(wanted);
    if widths.iter().sum::<usize>() > room {
        widths[0] = widths[0].min(room / 4);
        widths[1] = widths[1].min((3 * room / 8).max(room.saturating_sub(widths[0] + widths[2])));
        widths[2] = room.saturating_sub(widths[0] + widths[1]);
    }
    let line = |cells: [&str; 3]| {
        let cells: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| fitted(cell, width)).collect();
        cells.join(BETWEEN).trim_end().to_owned() + "\n"
    };
    let mut out = line(titles);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..rows {
        out += &line([0, 1, 2].map(|n| columns[n].get(row).map_or("", String::as_str)));
    }
    out
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// A text in a cell of exactly `width` characters.
fn fitted(text: &str, width: usize) -> String {
    if length(text) <= width {
        return format!("{text:<width$}");
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_cut_where_there_is_no_room_for_them() {
        let columns = [vec!["a".into(), "b".into()], vec!["x".repeat(90)], vec!["y".into(); 3]];
        let wide = table(["one", "two", "three"], &columns, 120);
        assert_eq!(wide.lines().count(), 4);
        assert!(wide.lines().nth(1).unwrap().ends_with("xxx │ y"), "{wide}");
        assert_eq!(wide.lines().nth(2), Some(format!("b   │ {} │ y", " ".repeat(90)).as_str()));
        let narrow = table(["one", "two", "three"], &columns, 60);
        assert!(narrow.lines().all(|line| length(line) <= 60), "{narrow}");
        assert!(narrow.contains("xx… │ y"), "{narrow}");
    }

    #[test]
    fn a_cell_is_as_wide_as_it_should_be() {
        assert_eq!([fitted("äö", 4), fitted("äöü", 2), fitted("ab", 0)], ["äö  ", "ä…", ""]);
    }
}
