//! Runs each example as a user would, as a process in another directory, and checks what it prints.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Every example takes less time than this.
const TIMEOUT: Duration = Duration::from_secs(60);

#[test]
fn quickstart_shares_a_list_and_an_account() {
    let printed = run(example("quickstart")).success();
    let (first, rest) = printed.split_once('\n').expect("some lines");
    assert!(first.starts_with("service: listening on 127.0.0.1:"), "{first}");
    let expected = "\
client 1: [1, 2]
client 2: [1, 2]
client 2: append 3
client 1: [1, 2, 3]
client 1: deposit 20, balance 120
client 2: withdraw 500, refused: 380 are missing
client 2: withdraw 70, balance 50
client 1: balance 50
";
    assert_eq!(rest, expected);
}

#[test]
fn interface_follows_the_key_from_class_to_class() {
    let expected = "\
till:  6 books cost 6000 cents by shop.Flat. Good things at a fair price.
owner: raises the price by 200 cents
till:  6 books cost 7200 cents by shop.Flat. Good things at a fair price.
owner: updates the key to another class
till:  6 books cost 4800 cents by shop.Bulk. One in 3 is free!
owner: updates the key to a list
till:  \"pricing\" is a builtins.list, not a shop.Pricing; ask for builtins.list, or update the key
";
    assert_eq!(run(example("interface")).success(), expected);
}

#[test]
fn shared_index_is_built_once_and_finds_all_matches() {
    let folder = Folder::new("known");
    let inside = folder.0.join("notes");
    let write = |name: &str, bytes: &[u8]| {
        let path = inside.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, bytes).expect("a file is written");
    };
    write("a.txt", b"The quick brown fox\njumps over the lazy dog.\n");
    write("deep/b.md", b"Foxes are quick.\r\nA dog and a FOX are friends: the fox is Quick!\r\n");
    write("c.txt", "Grüße, schnell wie ein Fuchs".as_bytes());
    // None of these may be found.
    write("target/out.txt", b"quick fox");
    write("deep/.git/config", b"quick fox");
    write("zeros.bin", b"quick fox\0");
    write("latin-1.txt", b"quick fox \xfc");
    write("large.txt", "quick fox\n".repeat((1 << 20) / 10 + 1).as_bytes());
    write("empty.txt", b"\n");
    symlink(inside.join("a.txt"), inside.join("link.txt")).expect("a link is made");
    symlink(&inside, inside.join("deep/loop")).expect("a link is made");

    // The folder is relative to the directory in which the program runs.
    let options = ["notes", "--workers", "3", "--seconds", "0.3"];
    let mut command = example("shared_index");
    command.current_dir(&folder.0).args(options).args(["--query", "quick FOX"]);
    let printed = run(command).success();
    let line =
        |start: &str| printed.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{printed}"));

    assert_eq!(line("folder: "), format!("folder: {}", inside.display()));
    // 9 + 14 + 5 words; "the" and "quick" come three times, "fox" three, "dog", "a" and "are" twice.
    let counts = "3 files, 141 bytes, 28 words, 19 different (skipped: 2 binary, 1 over 1 MiB, 0 unreadable)";
    assert_eq!(line("index: "), format!("index: {counts}"));
    let built = line("built: ");
    assert!((1..=3).any(|n| built.starts_with(&format!("built: once, by worker {n}, in "))), "{built}");
    for start in ["worker 1: ", "worker 2: ", "worker 3: ", "all workers: "] {
        let rates =
            printed.lines().filter_map(|line| line.strip_prefix(start)?.split_once(" queries/s")?.0.parse().ok());
        let rates: Vec<u64> = rates.collect();
        assert!(matches!(rates[..], [rate] if rate > 0), "{start}: {printed}");
    }
    // b.md has both words twice; its best line is the second.
    let hits: Vec<&str> = printed.lines().skip_while(|line| !line.starts_with("query: ")).collect();
    let [query, first, second] = hits[..] else { panic!("{printed}") };
    assert_eq!(query, "query: \"quick FOX\", best hits:");
    assert!(first.ends_with("  deep/b.md:2  A dog and a FOX are friends: the fox is Quick!"), "{first}");
    assert!(second.ends_with("  a.txt:1  The quick brown fox"), "{second}");

    let mut command = example("shared_index");
    command.current_dir(&folder.0).args(options).args(["--query", "quick unicorn"]);
    let printed = run(command).success();
    assert!(printed.ends_with("query: \"quick unicorn\", no file has all of these words\n"), "{printed}");
}

#[test]
fn shared_index_says_what_is_wrong_with_a_folder() {
    let folder = Folder::new("bad");
    let missing = folder.0.join("missing");
    for (path, message) in [
        (&missing, format!("cannot read the folder {}: No such file or directory (os error 2)", missing.display())),
        (
            &folder.0,
            format!(
                "there is no text in {}; give a folder with text files (skipped: 0 binary, 0 over 1 MiB, 0 unreadable)",
                folder.0.display()
            ),
        ),
    ] {
        let mut command = example("shared_index");
        command.arg(path);
        let ended = run(command);
        assert!(!ended.success, "{}", ended.output);
        assert_eq!(ended.errors, format!("shared_index: {message}\n"));
    }
}

#[test]
fn job_queue_hashes_every_file_once_though_a_worker_is_killed() {
    let folder = Folder::new("jobs");
    for file in 0..40 {
        fs::write(folder.0.join(format!("{file:02}.txt")), format!("file {file}")).expect("a file is written");
    }
    // A job is a string, and this file name is not valid UTF-8.
    fs::write(folder.0.join(OsStr::from_bytes(b"\xff.txt")), "").expect("a file is written");
    // Neither a folder nor a symbolic link is a file.
    fs::create_dir(folder.0.join("empty")).expect("a folder is made");
    symlink(folder.0.join("00.txt"), folder.0.join("link.txt")).expect("a link is made");
    let mut command = example("job_queue");
    command.arg(&folder.0);
    let printed = run(command).success();
    let lines: Vec<&str> = printed.lines().collect();
    let [files, killed, did, hashed] = lines[..] else { panic!("{printed}") };
    let folder = folder.0.display();
    assert_eq!(files, format!("40 files in {folder} (1 left out: their names are no text)"));
    assert_eq!(killed, format!("killed a worker that was hashing {folder}/00.txt"));
    assert!(did.starts_with("3 workers did the rest in "), "{did}");
    assert_eq!(hashed, "every file is hashed exactly once: 40 hashes (0 files cannot be read)");
}

#[test]
fn job_queue_wants_files() {
    let folder = Folder::new("no-jobs");
    let mut command = example("job_queue");
    command.arg(&folder.0);
    let ended = run(command);
    assert!(!ended.success, "{}", ended.output);
    assert!(ended.errors.contains("there is nothing to hash in "), "{}", ended.errors);
}

#[test]
fn million_wants_a_number() {
    for (count, found) in [("x", "\"x\" is none"), ("1", "1 is too few"), ("-5", "-5 is too few"), ("", "\"\" is none")]
    {
        let mut command = example("million");
        command.arg(count);
        let ended = run(command);
        assert!(!ended.success, "{}", ended.output);
        let usage = "how many objects to make, 2 or more; usage: million [COUNT]";
        assert_eq!(ended.errors, format!("million: {found}: give {usage}\n"));
    }
    let mut command = example("million");
    command.arg("2_000");
    let printed = run(command).success();
    assert!(printed.starts_with("2000 keys; 1000 made in "), "{printed}");
}

#[test]
fn churn_reports_memory_when_the_service_is_full_and_when_it_is_empty_again() {
    let tarmem = env!("CARGO_BIN_EXE_tarmem");
    for (args, problem) in [
        (&[][..], "give the path of the tarmem program"),
        (&[tarmem, "0"], "give how many lists to make, 1 or more"),
        (&[tarmem, "1", "x"], "give how many seconds to leave it alone"),
    ] {
        let mut command = example("churn");
        command.args(args);
        let ended = run(command);
        assert!(!ended.success, "{}", ended.output);
        assert_eq!(ended.errors, format!("churn: {problem}; usage: churn PATH [COUNT [SECONDS]]\n"));
    }
    let mut command = example("churn");
    command.args([tarmem, "2_000", "0"]).env("TARMEM_LOG", "error");
    let printed = run(command).success();
    let lines: Vec<&str> = printed.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    let [empty, one, deleted, idle, two, ..] = lines[..] else { panic!("{printed}") };
    assert_eq!([empty, deleted, idle], ["empty", "deleted", "idle for 0 s"], "{printed}");
    assert_eq!([one, two], ["2000 lists of the first client", "2000 lists of a second client"], "{printed}");
}

#[test]
fn workers_end_when_the_program_is_killed() {
    let (mut program, workers, _output) = long_search();
    program.0.kill().expect("it runs");
    program.0.wait().expect("it has ended");
    wait_until("the workers have ended", || workers.iter().all(|worker| !runs(worker)));
}

#[test]
fn the_program_ends_when_a_worker_is_killed() {
    let (mut program, workers, _output) = long_search();
    let killed = Command::new("kill").args(["-KILL", &workers[1]]).status().expect("kill is there");
    assert!(killed.success());
    wait_until("the program has ended", || program.0.try_wait().expect("it can be asked").is_some());
    assert!(!program.0.wait().expect("it has ended").success());
    wait_until("the workers have ended", || workers.iter().all(|worker| !runs(worker)));
}

/// A `shared_index` that goes on searching, once it has begun to, and the process ids of its workers.
fn long_search() -> (Program, Vec<String>, BufReader<ChildStdout>) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut command = example("shared_index");
    command.args([folder, "--workers", "3", "--seconds", "3600"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut program = Program(command.spawn().expect("it starts"));
    let mut output = BufReader::new(program.0.stdout.take().expect("it is piped"));
    let mut workers = Vec::new();
    let mut line = String::new();
    while !line.starts_with("shared: ") {
        if let Some((_, id)) = line.trim_end().split_once(": process ") {
            workers.push(id.to_owned());
        }
        line.clear();
        assert_ne!(output.read_line(&mut line).expect("it prints text"), 0, "it ended too early");
    }
    assert_eq!(workers.len(), 3);
    assert!(workers.iter().all(|worker| runs(worker)));
    (program, workers, output)
}

/// Whether a process runs. One that has ended and was not waited for does not.
fn runs(id: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{id}/stat"));
    state.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X'])))
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < TIMEOUT, "not within {TIMEOUT:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A process that is killed when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder that is removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let temp = fs::canonicalize(std::env::temp_dir()).expect("there is one");
        let path = temp.join(format!("tarmem-examples-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder is made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An example, to be run in a directory outside of the repository.
fn example(name: &str) -> Command {
    // target/<profile>/deps/<this test>, beside target/<profile>/examples.
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.parent().and_then(Path::parent).expect("two folders up");
    let path = profile.join("examples").join(name);
    assert!(path.exists(), "{} is not there: run `cargo test`, or build it with --examples first", path.display());
    let mut command = Command::new(path);
    command.current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

struct Ended {
    success: bool,
    output: String,
    errors: String,
}

impl Ended {
    fn success(self) -> String {
        assert!(self.success, "it failed: {}{}", self.output, self.errors);
        assert_eq!(self.errors, "");
        self.output
    }
}

/// Runs it to its end, which has to come soon.
fn run(mut command: Command) -> Ended {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut program = Program(child);
    let mut output = program.0.stdout.take().expect("it is piped");
    let mut errors = program.0.stderr.take().expect("it is piped");
    let output = thread::spawn(move || read_all(&mut output));
    let errors = thread::spawn(move || read_all(&mut errors));
    wait_until("the example has ended", || program.0.try_wait().expect("it can be asked").is_some());
    let success = program.0.wait().expect("it has ended").success();
    let join = |reader: thread::JoinHandle<String>| reader.join().expect("no panic");
    Ended { success, output: join(output), errors: join(errors) }
}

fn read_all(from: &mut impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).expect("it prints text");
    text
}
