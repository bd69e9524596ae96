//! The commands that docs/modules.md shows print what the page says.

use super::program::{Client, Serve, finish, tarmem};

/// The console blocks of a page: their commands, each with its output.
fn typed(page: &str) -> Vec<Vec<(String, Vec<String>)>> {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let block = |block: &str| {
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for line in block.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
                (None, Some((_, prints))) => prints.push(line.to_owned()),
                (None, None) => panic!("{line:?} comes before any command"),
            }
        }
        commands
    };
    blocks.map(block).collect()
}

/// The words of a command, as a shell sees them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "{command}");
    words.extend(word);
    words
}

/// Removes numbers that differ between runs.
fn lasting(line: &str) -> String {
    let mut line = line.to_owned();
    for number in ["\"stamp\":", "\"token\":"] {
        if let Some((before, after)) = line.split_once(number) {
            line = format!("{before}{number}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
    }
    line
}

#[test]
fn the_commands_of_the_page_print_what_it_shows() {
    let page = include_str!("../../docs/modules.md");
    let blocks = typed(page);
    let service = Serve::start(&[]);
    // Objects that the page assumes to exist.
    for line in ["memoize lock threading.Lock", "memoize event threading.Event", "memoize jobs queue.Queue"] {
        service.run_line(line).succeeded();
    }
    let mut commands = 0;
    for (command, prints) in blocks.into_iter().flatten() {
        let words = words(&command);
        assert_eq!(words[0], "tarmem", "{command}");
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let waits = words.contains(&"wait");
        // Shortens a wait of a minute.
        let words: Vec<&str> = words.into_iter().map(|word| if waits && word == "60" { "0.1" } else { word }).collect();
        let done = finish(tarmem(&words).env("TARMEM_ADDR", service.address()));
        let seen: Vec<String> = done.lines().iter().map(|line| lasting(line)).collect();
        let shown: Vec<String> = prints.iter().map(|line| lasting(line)).collect();
        assert_eq!(seen, shown, "{command}");
        commands += 1;
    }
    assert!(commands > 20, "{commands} commands");
}
