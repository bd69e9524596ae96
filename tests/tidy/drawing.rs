//! The map that is drawn in docs/architecture.md, and what the imports say of it.
//!
//! A drawing is a fenced block whose first line is `rooms of FOLDER`. Each further line is a room of that folder, a
//! file or a folder below it, and behind an arrow the rooms that it refers to; a line that ends with a comma goes on in
//! the next one. Empty lines part the floors. A file belongs to the room whose name is the longest that fits.

use crate::imports::{Import, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the line of a crates' drawing begins with: its rooms are the packages.
const CRATES: &str = "the repository";

/// Files of the folder itself. One that only declares modules, and shows what they define, is in no room.
const DOORS: [&str; 3] = ["mod.rs", "lib.rs", "main.rs"];

/// One drawing.
pub(crate) struct Drawing {
    /// `None` for that of the packages.
    folder: Option<PathBuf>,
    /// The rooms, with the floors that they are on; 0 is at the top.
    floors: BTreeMap<String, usize>,
    arrows: BTreeSet<Arrow>,
    mistakes: Vec<String>,
}

/// From a room to one that it refers to.
type Arrow = (String, String);

impl Drawing {
    /// All drawings of a text.
    pub(crate) fn all(text: &str) -> Vec<Drawing> {
        let blocks = text.split("\n```").skip(1).step_by(2);
        let bodies = blocks.filter_map(|block| block.split_once('\n')?.1.strip_prefix("rooms of "));
        bodies.map(Drawing::parse).collect()
    }

    fn parse(body: &str) -> Drawing {
        let (folder, lines) = body.split_once('\n').unwrap_or((body, ""));
        let folder = (folder != CRATES).then(|| PathBuf::from(folder));
        let mut drawing = Drawing { folder, floors: BTreeMap::new(), arrows: BTreeSet::new(), mistakes: Vec::new() };
        let mut floor = 0;
        // Lines that go on are one.
        for line in lines.replace(",\n", ", ").lines() {
            if line.trim().is_empty() {
                floor += 1;
                continue;
            }
            let (rooms, targets) = line.split_once('→').unwrap_or((line, ""));
            let names = |list: &str| -> Vec<String> {
                list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
            };
            for room in names(rooms) {
                drawing.arrows.extend(names(targets).into_iter().map(|target| (room.clone(), target)));
                if drawing.floors.insert(room.clone(), floor).is_some() {
                    drawing.mistakes.push(format!("{room} is drawn twice"));
                }
            }
        }
        drawing
    }

    pub(crate) fn name(&self) -> String {
        self.folder.as_ref().map_or(CRATES.to_owned(), |folder| folder.display().to_string())
    }

    /// The room of a file; `None` if the file is elsewhere. One that was forgotten is in a room of the folder's first
    /// level.
    fn room_of(&self, file: &Path, packages: &[Package]) -> Option<String> {
        let Some(folder) = &self.folder else {
            let within = packages.iter().filter(|package| file.starts_with(package.folder.join("src")));
            return within.map(|package| package.name.clone()).next();
        };
        let below = file.strip_prefix(folder).ok()?;
        let file = below.file_name()?.to_str()?;
        let name = match below.parent()? {
            parent if file == "mod.rs" && parent != Path::new("") => parent.to_owned(),
            parent if parent == Path::new("") && DOORS.contains(&file) => below.to_owned(),
            _ => below.with_extension(""),
        };
        let known = name.ancestors().map(|name| name.display().to_string()).find(|n| self.floors.contains_key(n));
        Some(known.unwrap_or_else(|| name.iter().take(1).collect::<PathBuf>().display().to_string()))
    }

    /// What is wrong with the drawing, for these files and the imports among them.
    pub(crate) fn compare(mut self, files: &[PathBuf], imports: &[Import], packages: &[Package]) -> Vec<String> {
        let mut found: BTreeMap<Arrow, &Import> = BTreeMap::new();
        for import in imports {
            let (from, to) = (self.room_of(&import.from, packages), self.room_of(&import.to, packages));
            let (Some(from), Some(to)) = (from, to) else { continue };
            if from != to {
                found.entry((from, to)).or_insert(import);
            }
        }
        let mut mistakes = std::mem::take(&mut self.mistakes);
        let is_idle_door = |room: &String| {
            DOORS.contains(&room.as_str()) && !found.keys().any(|(from, to)| from == room || to == room)
        };
        let rooms: BTreeSet<String> = files.iter().filter_map(|file| self.room_of(file, packages)).collect();
        let rooms: BTreeSet<String> = rooms.into_iter().filter(|room| !is_idle_door(room)).collect();
        let is_missing = |room: &&String| !self.floors.contains_key(*room);
        mistakes.extend(rooms.iter().filter(is_missing).map(|room| format!("{room} is not drawn")));
        mistakes.extend(self.floors.keys().filter(|room| !rooms.contains(*room)).map(|r| format!("{r} is not there")));
        for ((from, to), import) in &found {
            if !self.arrows.contains(&(from.clone(), to.clone())) {
                let (file, path) = (import.from.display(), &import.path);
                mistakes.push(format!("no arrow leads from {from} to {to}, but {file} refers to {path}"));
            }
        }
        for arrow @ (from, to) in &self.arrows {
            if !found.contains_key(arrow) {
                mistakes.push(format!("an arrow leads from {from} to {to}, and nothing in {from} refers to {to}"));
            }
            if self.floors.get(from) >= self.floors.get(to) {
                mistakes.push(format!("the arrow from {from} to {to} does not lead to a floor further down"));
            }
        }
        if !mistakes.is_empty() {
            mistakes.push(format!("By the imports, it is\n\n{}", self.draw(&rooms, found.into_keys().collect())));
        }
        mistakes
    }

    /// How it would be drawn, with each room as far up as it can be; or the cycle that keeps it from being drawn.
    fn draw(&self, rooms: &BTreeSet<String>, arrows: BTreeSet<Arrow>) -> String {
        let mut left: BTreeSet<&str> = rooms.iter().map(String::as_str).collect();
        let mut lines = vec![format!("rooms of {}", self.name())];
        while !left.is_empty() {
            let is_known = |room: &&str| arrows.iter().any(|(from, to)| to == room && left.contains(from.as_str()));
            let floor: Vec<&str> = left.iter().copied().filter(|room| !is_known(room)).collect();
            if floor.is_empty() {
                return format!("not to be drawn: {}", cycle(&left, &arrows));
            }
            if lines.len() > 1 {
                lines.push(String::new());
            }
            let width = floor.iter().map(|room| room.chars().count()).max().unwrap_or_default();
            for room in floor {
                left.remove(room);
                let targets: Vec<&str> = arrows.iter().filter(|(from, _)| from == room).map(|(_, to)| &**to).collect();
                match targets.as_slice() {
                    [] => lines.push(room.to_owned()),
                    targets => lines.push(format!("{room:width$} → {}", targets.join(", "))),
                }
            }
        }
        lines.join("\n")
    }
}

/// A cycle of arrows among rooms each of which somebody refers to.
fn cycle(rooms: &BTreeSet<&str>, arrows: &BTreeSet<Arrow>) -> String {
    let back = |room: &str| arrows.iter().find(|(from, to)| to == room && rooms.contains(from.as_str()));
    let mut way: Vec<&str> = rooms.first().copied().into_iter().collect();
    while let Some((from, _)) = way.last().and_then(|room| back(room)) {
        if let Some(at) = way.iter().position(|room| room == from) {
            let mut cycle: Vec<&str> = way[at..].to_vec();
            cycle.push(from);
            cycle.reverse();
            return cycle.join(" → ");
        }
        way.push(from);
    }
    String::new()
}

/// A cycle of files below `folder` that refer to one another. A file and the parts of it in the folder of its name are
/// taken for one, and so are a folder and its `mod.rs`, and a crate and its `lib.rs`.
pub(crate) fn cycle_of_files<'a>(folder: &Path, imports: impl Iterator<Item = &'a Import>) -> Option<String> {
    let module = |file: &Path| {
        let name = file.strip_prefix(folder).ok()?.with_extension("");
        if DOORS.iter().any(|door| file == folder.join(door)) {
            return Some(PathBuf::new());
        }
        let is_mod = name.file_name().is_some_and(|name| name == "mod");
        Some(if is_mod { name.parent()?.to_owned() } else { name })
    };
    let mut arrows: BTreeSet<Arrow> = BTreeSet::new();
    for import in imports {
        let (Some(from), Some(to)) = (module(&import.from), module(&import.to)) else { continue };
        if !from.starts_with(&to) && !to.starts_with(&from) {
            arrows.insert((from.display().to_string(), to.display().to_string()));
        }
    }
    let mut left: BTreeSet<&str> = arrows.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
    loop {
        let before = left.len();
        let here = left.clone();
        left.retain(|room| arrows.iter().any(|(from, to)| to == room && here.contains(from.as_str())));
        if left.len() == before {
            return (!left.is_empty()).then(|| cycle(&left, &arrows));
        }
    }
}
