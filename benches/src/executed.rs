//! Which machine instructions a run executed, and what those are that could make a thread wait.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use crate::callgrind;

/// Functions of the C library that only move or compare bytes.
const HARMLESS: [&str; 5] = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];

/// What was executed of one object file.
#[derive(Debug, Default)]
struct Object {
    /// Addresses by function.
    functions: HashMap<String, BTreeSet<u64>>,
}

/// What a run of this program with `arguments` executes below a function that could make a thread wait, each once, in words: atomic
/// changes of memory, which is what locks are made of, system calls, and functions of the C library that do more than to move bytes:
/// `malloc` for one.
pub fn waits_below(entry: &str, arguments: &[&str], out: &Path) -> Result<Vec<String>, String> {
    let options = ["--dump-instr=yes", "--compress-pos=no", "--compress-strings=no", "--demangle=no"];
    let profile = callgrind::profile_below(entry, arguments, options.map(str::to_owned), out)?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut objects = objects(&profile);
    let own = objects
        .remove(&program.display().to_string())
        .ok_or("callgrind: nothing of the program itself was executed")?;
    let mut waits = atomics(&program, &own)?;
    for (object, executed) in objects {
        let functions = executed.functions.into_keys();
        let suspects = functions.filter(|name| !HARMLESS.iter().any(|harmless| name.contains(harmless)));
        waits.extend(suspects.map(|name| format!("{name} of {object}")));
    }
    waits.sort();
    Ok(waits)
}

/// What callgrind saw of each object file.
fn objects(profile: &str) -> BTreeMap<String, Object> {
    let mut objects: BTreeMap<String, Object> = BTreeMap::new();
    let (mut object, mut function) = (String::new(), String::new());
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("calls=") {
            // What the call cost altogether. The instruction that calls is counted by itself.
            lines.next();
        } else if let Some(name) = line.strip_prefix("ob=") {
            object = name.to_owned();
        } else if let Some(name) = line.strip_prefix("fn=") {
            function = name.to_owned();
        } else if line.starts_with("0x")
            && let Some(address) = line.split(' ').next().and_then(hexadecimal)
        {
            let functions = &mut objects.entry(object.clone()).or_default().functions;
            functions.entry(function.clone()).or_default().insert(address);
        }
    }
    objects
}

/// The atomic changes of memory and the system calls among what was executed.
fn atomics(program: &Path, executed: &Object) -> Result<Vec<String>, String> {
    let done = Command::new("objdump").args(["-d", "--no-show-raw-insn"]).arg(program).output();
    let done = done.map_err(|error| format!("objdump: {error}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    let mut beginnings = HashMap::new();
    let mut suspects = Vec::new();
    let mut function = "";
    for line in text.lines() {
        if let Some((address, name)) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            function = name;
            beginnings.insert(name, u64::from_str_radix(address, 16).unwrap_or_default());
        } else if let Some((address, instruction)) = line.split_once(":\t")
            && is_suspect(instruction)
        {
            let address = u64::from_str_radix(address.trim(), 16).unwrap_or_default();
            suspects.push((address, function, instruction.trim()));
        }
    }
    // Where the program was loaded: what most functions say whose first instruction was seen.
    let mut shifts: HashMap<u64, usize> = HashMap::new();
    for (name, addresses) in &executed.functions {
        if let (Some(first), Some(beginning)) = (addresses.first(), beginnings.get(name.as_str())) {
            *shifts.entry(first.wrapping_sub(*beginning)).or_default() += 1;
        }
    }
    let (shift, _) =
        shifts.into_iter().max_by_key(|(_, votes)| *votes).ok_or("objdump: no function was executed")?;
    let all: BTreeSet<u64> = executed.functions.values().flatten().copied().collect();
    let met = suspects.into_iter().filter(|(address, ..)| all.contains(&address.wrapping_add(shift)));
    Ok(met.map(|(_, function, instruction)| format!("{instruction} in {function}")).collect())
}

/// Whether an instruction changes memory that other threads see at the same moment, or asks the kernel.
fn is_suspect(instruction: &str) -> bool {
    let name = instruction.split_whitespace().next().unwrap_or_default();
    name == "lock" || name == "syscall" || (name.starts_with("xchg") && instruction.contains('('))
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomic_changes_and_system_calls_are_suspect_and_nothing_else() {
        for line in ["lock cmpxchg %ecx,(%rdi)", "lock incq 0x10(%rax)", "xchg %eax,(%rdi)", "syscall"] {
            assert!(is_suspect(line), "{line}");
        }
        for line in ["xchg %ax,%ax", "mov %eax,(%rdi)", "call 1234 <lock>", ""] {
            assert!(!is_suspect(line), "{line}");
        }
    }

    #[test]
    fn addresses_belong_to_the_function_and_the_object_that_they_were_executed_in() {
        let profile = "ob=/program\nfn=first\n0x10 0 3\ncob=/libc.so\ncfn=malloc\ncalls=1 0x99 0\n0x14 0 7\nfn=second\n0x20 0 1\n\
                       ob=/libc.so\nfn=malloc\n0x99 0 7\n";
        let objects = objects(profile);
        let of = |object: &str, function: &str| {
            objects[object].functions[function].iter().copied().collect::<Vec<_>>()
        };
        assert_eq!((of("/program", "first"), of("/program", "second")), (vec![0x10], vec![0x20]));
        assert_eq!(of("/libc.so", "malloc"), [0x99]);
    }
}
