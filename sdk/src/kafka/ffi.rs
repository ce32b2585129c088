//! The one module with `unsafe`: calls of librdkafka that the Rust client doesn't wrap.
#![allow(unsafe_code)]

use std::{ffi::CStr, marker::PhantomData, ptr};

use rdkafka::{
    ClientContext,
    bindings::{
        rd_kafka_handle_mock_cluster, rd_kafka_header_get_all, rd_kafka_headers_t,
        rd_kafka_message_headers, rd_kafka_message_status,
        rd_kafka_mock_group_initial_rebalance_delay_ms, rd_kafka_msg_status_t,
    },
    client::Client,
    message::BorrowedMessage,
};

/// Whether a message whose delivery failed is surely not in the log.
pub(super) fn is_surely_not_written(message: &BorrowedMessage<'_>) -> bool {
    // SAFETY: the pointer belongs to `message`, which outlives the call; the call only reads it.
    let status = unsafe { rd_kafka_message_status(message.ptr()) };
    status == rd_kafka_msg_status_t::RD_KAFKA_MSG_STATUS_NOT_PERSISTED
}

/// Lets new groups of the client's own mock cluster wait so long for more members, instead of 3 s.
/// Does nothing where the client has no mock cluster.
pub(super) fn form_groups_within<C: ClientContext>(client: &Client<C>, millis: i32) {
    // SAFETY: `client` keeps its handle, and the handle its mock cluster, alive during both calls.
    unsafe {
        let cluster = rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, millis);
        }
    }
}

/// The headers of a message as bytes: the Rust client panics at a name that isn't UTF-8.
pub(super) fn headers<'m>(message: &'m BorrowedMessage<'_>) -> Headers<'m> {
    let mut native = ptr::null_mut();
    // SAFETY: the pointer belongs to `message`. The list stays the message's: it isn't freed here,
    // and `Headers` can't outlive the message.
    let error = unsafe { rd_kafka_message_headers(message.ptr(), &raw mut native) };
    if error != rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        native = ptr::null_mut();
    }
    Headers { native, next: 0, message: PhantomData }
}

/// Names and values, in order.
pub(super) struct Headers<'m> {
    native: *mut rd_kafka_headers_t,
    next: usize,
    message: PhantomData<&'m [u8]>,
}

impl<'m> Iterator for Headers<'m> {
    type Item = (&'m [u8], &'m [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.native.is_null() {
            return None;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `native` is the message's list, and the message outlives this. Found, `name` is a
        // C string and `value` null or `size` bytes, both in the list's memory.
        unsafe {
            let error = rd_kafka_header_get_all(
                self.native,
                self.next,
                &raw mut name,
                &raw mut value,
                &raw mut size,
            );
            if error != rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null()
            {
                return None;
            }
            self.next += 1;
            let value: &[u8] =
                if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast(), size) };
            Some((CStr::from_ptr(name).to_bytes(), value))
        }
    }
}
