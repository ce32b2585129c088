//! The one module with `unsafe`: calls of librdkafka that the Rust client doesn't wrap.
#![allow(unsafe_code)]

use rdkafka::{
    ClientContext,
    bindings::{
        rd_kafka_handle_mock_cluster, rd_kafka_message_status,
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
