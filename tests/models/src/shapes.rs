//! Shapes: interfaces, and classes that implement them.

use crate::bank::BankError;
use serde::{Deserialize, Serialize};
use shared_objects::remote;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something with an area.
#[remote(module = "shapes")]
pub trait Shape {
    /// Its area.
    fn area(&self) -> f64;

    /// Makes it larger.
    fn scale(&mut self, by: f64);

    /// The name of its kind.
    fn title(&self) -> String {
        "a shape".to_owned()
    }

    /// Its area, after other tasks had their turn.
    async fn area_later(&self) -> f64;
}

/// Something with a name.
#[remote(module = "shapes")]
pub trait Named {
    /// Its name.
    fn title(&self) -> String;
}

/// A circle.
#[remote(module = "shapes")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Circle {
    /// Its radius.
    pub radius: f64,
}

/// A square.
#[remote(module = "shapes")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Square {
    /// Its side.
    pub side: f64,
}

#[remote]
impl Circle {
    /// A circle.
    pub fn new(radius: f64) -> Self {
        Circle { radius }
    }
}

#[remote]
impl Square {
    /// A square.
    pub fn new(side: f64) -> Self {
        Square { side }
    }
}

#[remote]
impl Shape for Circle {
    fn area(&self) -> f64 {
        std::f64::consts::PI * self.radius * self.radius
    }

    fn scale(&mut self, by: f64) {
        self.radius *= by;
    }

    async fn area_later(&self) -> f64 {
        tokio::task::yield_now().await;
        self.area()
    }
}

#[remote]
impl Named for Circle {
    fn title(&self) -> String {
        format!("circle of {}", self.radius)
    }
}

#[remote]
impl Shape for Square {
    fn area(&self) -> f64 {
        self.side * self.side
    }

    fn scale(&mut self, by: f64) {
        self.side *= by;
    }

    fn title(&self) -> String {
        "a square".to_owned()
    }

    async fn area_later(&self) -> f64 {
        self.area()
    }
}

/// Makes a shape as large as another.
#[remote(module = "shapes")]
pub fn fit(shape: &mut dyn Shape, pattern: &dyn Shape, fail: bool) -> Result<f64, BankError> {
    shape.scale((pattern.area() / shape.area()).sqrt());
    if fail { Err(BankError::Overdrawn { missing: 3 }) } else { Ok(shape.area()) }
}

/// A shape that can be neither cloned nor encoded.
#[remote(module = "shapes", resident)]
pub struct Balloon {
    air: AtomicU64,
}

#[remote]
impl Balloon {
    /// A balloon.
    pub fn new() -> Self {
        Balloon { air: AtomicU64::new(1) }
    }
}

impl Default for Balloon {
    fn default() -> Self {
        Self::new()
    }
}

#[remote]
impl Shape for Balloon {
    fn area(&self) -> f64 {
        self.air.load(Ordering::Relaxed) as f64
    }

    fn scale(&mut self, by: f64) {
        *self.air.get_mut() *= by as u64;
    }

    async fn area_later(&self) -> f64 {
        self.area()
    }
}
