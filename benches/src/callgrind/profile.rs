//! The file format of callgrind: <https://valgrind.org/docs/manual/cl-format.html>.

use std::collections::{BTreeMap, HashMap};

use super::PerCall;
use super::parts::{CallPart, is_allocation};
use crate::Result;

/// The counts of one run.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Profile {
    /// The instructions of each function, without those of its callees.
    functions: BTreeMap<Function, u64>,
    /// How many times the program called the allocator.
    allocations: u64,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Function {
    /// Whether the function belongs to the program, not to the C library or the kernel's shared page.
    of_program: bool,
    name: String,
}

impl Profile {
    /// Parses a file of callgrind with one kind of event, instructions, and one position, the line.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.line(line).map_err(|error| format!("{line:?} is no line of callgrind's: {error}"))?;
        }
        if reader.profile.functions.is_empty() {
            return Err("callgrind counted nothing".into());
        }
        Ok(reader.profile)
    }

    /// Subtracts a shorter run, and divides by the difference in calls.
    pub(super) fn minus(&self, shorter: &Self, calls: f64) -> PerCall {
        let mut cost = PerCall { instructions: 0.0, own_instructions: 0.0, allocations: 0.0, parts: BTreeMap::new() };
        cost.allocations = (self.allocations as f64 - shorter.allocations as f64) / calls;
        for (function, instructions) in &self.functions {
            let before = shorter.functions.get(function).copied().unwrap_or(0);
            let instructions = (*instructions as f64 - before as f64) / calls;
            cost.instructions += instructions;
            if function.of_program {
                cost.own_instructions += instructions;
            }
            *cost.parts.entry(CallPart::of(&function.name, function.of_program)).or_default() += instructions;
        }
        cost
    }
}

/// The state of the parser. A name is written once, with a number that refers to it afterwards.
#[derive(Default)]
struct Reader {
    profile: Profile,
    functions: HashMap<String, String>,
    objects: HashMap<String, String>,
    program: Option<String>,
    object: String,
    function: String,
    callee: String,
    /// Whether to skip the next line. The line after `calls=` is the cost of the callee, which the callee's own lines
    /// count.
    skips_cost: bool,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<()> {
        match line.split_once('=') {
            Some(("ob", name)) => self.object = resolve(&mut self.objects, name),
            Some(("cob", name)) => {
                resolve(&mut self.objects, name);
            }
            Some(("fn", name)) => self.function = resolve(&mut self.functions, name),
            Some(("cfn", name)) => self.callee = resolve(&mut self.functions, name),
            Some(("calls", calls)) => self.calls(calls)?,
            _ if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) => self.cost(line)?,
            _ => self.header(line),
        }
        Ok(())
    }

    fn header(&mut self, line: &str) {
        // The command line. Its program is the object that counts as ours.
        if let Some(command) = line.strip_prefix("cmd: ") {
            self.program = command.split_whitespace().next().map(str::to_owned);
        }
    }

    fn calls(&mut self, calls: &str) -> Result<()> {
        self.skips_cost = true;
        if self.of_program() && is_allocation(&self.callee) {
            let count = calls.split_whitespace().next().ok_or("a count is missing")?;
            self.profile.allocations += count.parse::<u64>()?;
        }
        Ok(())
    }

    fn cost(&mut self, line: &str) -> Result<()> {
        if std::mem::take(&mut self.skips_cost) {
            return Ok(());
        }
        let cost: u64 = line.split_whitespace().nth(1).ok_or("the cost is missing")?.parse()?;
        let function = Function { of_program: self.of_program(), name: self.function.clone() };
        *self.profile.functions.entry(function).or_default() += cost;
        Ok(())
    }

    fn of_program(&self) -> bool {
        self.program.as_ref().is_some_and(|program| *program == self.object)
    }
}

/// Resolves `(7) name`, which defines a number for the name, or `(7)`, which refers to it.
fn resolve(names: &mut HashMap<String, String>, text: &str) -> String {
    match text.split_once(' ') {
        Some((number, name)) => {
            names.insert(number.to_owned(), name.to_owned());
            name.to_owned()
        }
        None => names.get(text).cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
cmd: /bin/subject toy 1
events: Ir
ob=(1) /bin/subject
fl=(1) ???
fn=(1) subject::main
0 10
cob=(2) /lib/libc.so.6
cfn=(2) malloc
calls=3 0
0 300
+4 5

ob=(2)
fn=(2)
0 240
cfn=(3) _int_malloc
calls=1 0
0 60

fn=(3)
* 60
";

    #[test]
    fn cost_of_callee_counts_where_the_callee_is() {
        let profile = Profile::parse(FILE).unwrap();
        let costs: Vec<_> = profile.functions.iter().map(|(function, cost)| (&*function.name, *cost)).collect();
        assert_eq!(costs, [("_int_malloc", 60), ("malloc", 240), ("subject::main", 15)]);
    }

    #[test]
    fn only_the_programs_own_calls_of_the_allocator_are_allocations() {
        let within_libc = FILE.replace("_int_malloc", "calloc");
        assert_eq!(Profile::parse(&within_libc).unwrap().allocations, 3);
    }

    #[test]
    fn difference_of_two_runs_is_what_the_calls_cost() {
        let longer = FILE.replace("calls=3", "calls=7").replace("0 10", "0 50");
        let cost = Profile::parse(&longer).unwrap().minus(&Profile::parse(FILE).unwrap(), 4.0);
        assert_eq!((cost.allocations, cost.instructions, cost.own_instructions), (1.0, 10.0, 10.0));
    }

    #[test]
    fn file_without_costs_is_refused() {
        assert!(Profile::parse("events: Ir\n").is_err());
    }
}
