//! Tests of traits and their implementations.

use crate::loopback::{api, pause, wait};
use serde::{Deserialize, Serialize};
use tarmem_remote::describe::{Invoke, Receiver, stable_id};
use tarmem_remote::{CallError, ClientApi, Context, Error, Proxy, Registry, Remote, Value, remote};

/// Something with an area.
#[remote(module = "interfaces")]
pub(crate) trait Shape: Send {
    /// In square metres.
    fn area(&self) -> f64;

    async fn scale(&mut self, by: f64, ctx: &Context) -> Result<f64, String>;

    fn name(&self) -> String {
        format!("a shape of {}", self.area())
    }

    async fn later(&self) -> f64 {
        pause().await;
        self.area()
    }

    #[remote(skip)]
    fn local<T>(&self, value: T) -> T
    where
        Self: Sized,
    {
        value
    }
}

/// It has no async method, so the trait stays as written.
#[remote(module = "interfaces.named", name = "Labelled")]
pub(crate) trait Named {
    #[remote(name = "title")]
    fn name(&self) -> &str;

    #[remote(idempotent, blocking)]
    fn rename(&mut self, to: &str);

    // Methods may have the names of the `Proxy` trait's methods.
    fn key(&self, id: u8, cast: &[u8]) -> usize {
        usize::from(id) + cast.len()
    }

    fn core(&self) {}
}

#[remote(module = "interfaces")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Circle {
    radius: f64,
    label: String,
}

#[remote]
impl Circle {
    pub fn new(radius: f64) -> Self {
        Circle { radius, label: "circle".to_owned() }
    }

    /// Takes precedence over the interface's method.
    pub fn area(&self) -> i64 {
        -1
    }
}

#[remote(module = "interfaces")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Square(f64);

#[remote]
impl Shape for Circle {
    fn area(&self) -> f64 {
        3.0 * self.radius * self.radius
    }

    async fn scale(&mut self, by: f64, _: &Context) -> Result<f64, String> {
        pause().await;
        if by <= 0.0 {
            return Err(format!("{by} is no scale"));
        }
        self.radius *= by;
        Ok(Shape::area(self))
    }
}

#[remote]
impl Shape for Square {
    fn area(&self) -> f64 {
        self.0 * self.0
    }

    async fn scale(&mut self, by: f64, _: &Context) -> Result<f64, String> {
        self.0 *= by;
        Ok(self.area())
    }

    fn name(&self) -> String {
        "square".to_owned()
    }

    async fn later(&self) -> f64 {
        0.0
    }
}

mod elsewhere {
    use tarmem_remote::remote;

    #[remote]
    impl super::Named for super::Circle {
        fn name(&self) -> &str {
            &self.label
        }

        fn rename(&mut self, to: &str) {
            self.label = to.to_owned();
        }
    }
}

fn shapes(api: &ClientApi) -> (ShapeProxy, ShapeProxy) {
    let circle = wait(api.memoize("circle", CircleProxy::new(1.0))).expect("made");
    let square = wait(api.memoize("square", Square(2.0))).expect("moved");
    (circle.cast::<dyn Shape>(), square.cast::<dyn Shape>())
}

#[test]
fn an_interface_is_described_with_its_methods() {
    assert_eq!(<dyn Shape>::PATH, "interfaces.Shape");
    assert_eq!(<dyn Named>::PATH, "interfaces.named.Labelled");
    let registry = Registry::linked().expect("no names clash");
    let class = registry.class("interfaces.Circle").expect("it is linked");
    assert_eq!(class.interfaces(), ["interfaces.Shape", "interfaces.named.Labelled"]);
    let methods: Vec<String> =
        class.describe_methods().iter().map(|m| format!("{} {} {}", m.interface, m.receiver, m.signature)).collect();
    assert_eq!(
        methods,
        [
            "interfaces.Circle &self area() -> i64",
            "interfaces.Shape &self area() -> f64",
            "interfaces.Shape &mut self scale(by: f64) -> Result<f64, String>",
            "interfaces.Shape &self name() -> String",
            "interfaces.Shape &self later() -> f64",
            "interfaces.named.Labelled &self title() -> &str",
            "interfaces.named.Labelled &mut self rename(to: &str)",
            "interfaces.named.Labelled &self key(id: u8, cast: &[u8]) -> usize",
            "interfaces.named.Labelled &self core()",
        ]
    );
    let area = class.method("interfaces.Shape.area").expect("by its full name");
    assert_eq!((area.docs, area.id), ("In square metres.", stable_id("interfaces.Shape", "area")));
    assert_eq!((area.place.file, area.place.line), (file!(), 12));
    let scale = class.method("scale").expect("it is there");
    assert!(matches!(scale.invoke, Invoke::ExclusiveAsync(_)) && !scale.idempotent);
    let rename = class.method("rename").expect("it is there");
    assert_eq!((rename.receiver, rename.idempotent, rename.blocking), (Receiver::Exclusive, true, true));
}

#[test]
fn one_interface_is_called_on_two_classes() {
    let api = api();
    let (circle, square) = shapes(&api);
    assert_eq!((wait(circle.area()), wait(square.area())), (Ok(3.0), Ok(4.0)));
    assert_eq!((wait(circle.scale(2.0)), wait(square.scale(2.0))), (Ok(12.0), Ok(16.0)));
    assert_eq!(wait(circle.scale(0.0)), Err(CallError::Method("0 is no scale".to_owned())));
    assert_eq!(wait(circle.name()), Ok("a shape of 12".to_owned()), "the default");
    assert_eq!(wait(square.name()), Ok("square".to_owned()));
    assert_eq!((wait(circle.later()), wait(square.later())), (Ok(12.0), Ok(0.0)));
    assert_eq!(Square(1.0).local("here"), "here");
}

#[test]
fn two_interfaces_are_called_on_one_class() {
    let api = api();
    let (circle, square) = shapes(&api);
    let named = wait(api.get::<dyn Named>("circle")).expect("it is named");
    assert_eq!(wait(named.rename("ring")), Ok(()));
    assert_eq!(wait(named.name()), Ok("ring".to_owned()));
    assert_eq!(wait(named.key(1, &[2, 3])), Ok(3), "the method, and not that of every proxy");
    assert_eq!(Proxy::key(&named), Some("circle"));
    assert_eq!(wait(named.core()), Ok(()));
    assert_eq!(wait(circle.cast::<Circle>().area()), Ok(-1));

    let refused = wait(api.get::<dyn Named>("square")).map(|_| ());
    assert!(matches!(refused, Err(Error::WrongClass { expected, .. }) if expected == "interfaces.named.Labelled"));
    let refused = wait(square.cast::<dyn Named>().name());
    assert!(matches!(refused, Err(Error::WrongClass { expected, .. }) if expected == "interfaces.named.Labelled"));
}

#[test]
fn dynamic_calls_find_interface_methods_by_name() {
    let api = api();
    shapes(&api);
    let circle = wait(api.get_dynamic("circle")).expect("it is there");
    assert_eq!(wait(circle.call("area", [])), Ok(Value::from(-1)), "its own goes first");
    assert_eq!(wait(circle.call("interfaces.Shape.area", [])), Ok(Value::Float(3.0)));
    assert_eq!(wait(circle.call("title", [])), Ok("circle".into()));
    assert_eq!(wait(circle.call("scale", [2.into()])), Ok(Value::Float(12.0)));
    assert_eq!(wait(circle.call("later", [])), Ok(Value::Float(12.0)));
    assert!(matches!(wait(circle.call("local", [1.into()])), Err(Error::NoSuchMethod { .. })));
}

/// An interface whose name begins with the name of another.
#[remote(module = "interfaces")]
pub(crate) trait Solid: Shape {
    fn volume(&self, height: f64) -> f64 {
        self.area() * height
    }
}

#[remote]
impl Solid for Square {}

#[test]
fn methods_of_an_interface_are_called_on_the_proxy_of_a_class() {
    let api = api();
    let circle = wait(api.memoize("circle", CircleProxy::new(1.0))).expect("made");
    let square = wait(api.memoize("square", Square(2.0))).expect("moved");
    assert_eq!(wait(square.area()), Ok(4.0), "no cast");
    assert_eq!(wait(square.scale(2.0)), Ok(16.0));
    assert_eq!(wait(square.scale(0.0).idempotent()), Ok(0.0));
    assert_eq!(wait(circle.area()), Ok(-1), "its own goes first, as in Rust");
    assert_eq!(wait(ShapeCalls::area(&circle)), Ok(3.0));
    assert_eq!(wait(ShapeCalls::name(&circle)), Ok("a shape of 3".to_owned()), "of two interfaces one is named");
    assert_eq!(wait(circle.rename("ring")), Ok(()), "implemented in another module");
    assert_eq!(wait(NamedCalls::name(&circle)), Ok("ring".to_owned()));

    fn area_of(proxy: &impl ShapeCalls) -> Result<f64, Error> {
        wait(proxy.area())
    }
    let shape = circle.cast::<dyn Shape>();
    assert_eq!((area_of(&circle), area_of(&shape)), (Ok(3.0), Ok(3.0)), "what takes one takes the other");
    let solid = square.cast::<dyn Solid>();
    assert_eq!((wait(square.volume(2.0)), wait(solid.volume(2.0))), (Ok(0.0), Ok(0.0)));
    assert_eq!(wait(solid.later()), Ok(0.0), "an interface has those of its supertraits");
}
