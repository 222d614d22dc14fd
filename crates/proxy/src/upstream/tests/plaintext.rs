//! Endpoints that get plaintext while others of their cluster get TLS.

use super::*;

#[tokio::test]
async fn an_endpoint_that_is_found_to_speak_otherwise_begins_anew() {
    let origin = Origin::new().await;
    let mut world = World::new(SystemResolver);
    let speaks = |plaintext| {
        let one = Endpoint { plaintext, ..endpoint(origin.address()) };
        vec![cluster("a", Discovery::Static([one].into()))]
    };
    let before = first(world.publish(speaks(true)));
    before.connect(LIMIT, (Purpose::Bytes, NOBODY)).await.unwrap().release();
    assert!(Rc::ptr_eq(&before, &first(world.publish(speaks(true)))));
    let after = first(world.publish(speaks(false)));
    assert!(kept(&after).is_none(), "its connections are of the other kind");
    assert!(kept(&before).is_none());
}
