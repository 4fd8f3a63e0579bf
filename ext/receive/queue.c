/* queue.c - bodies that were received and wait to be stored.
**
** A list, oldest first, under one mutex that is held for a few instructions only. The budget is reserved
** before a body's bytes are read and given back when the body is dropped or stored, so that all memory that
** senders can make the receiver hold is accounted for at any moment. */
#include "ext/receive/internal.h"

#include "ext/base/mem.h"

int receive_queue_open(ReceiveQueue *queue, size_t budget) {
    memset(queue, 0, sizeof *queue);
    queue->budget = budget;
    queue->next_number = 1;
    return pthread_mutex_init(&queue->lock, NULL) ? SQLITE_NOMEM : SQLITE_OK;
}

static void body_free(QueuedBody *body) {
    pythia_free(body->data);
    pythia_free(body);
}

void receive_queue_close(ReceiveQueue *queue) {
    while (queue->first) {
        QueuedBody *next = queue->first->next;
        body_free(queue->first);
        queue->first = next;
    }
    pthread_mutex_destroy(&queue->lock);
}

int receive_queue_reserve(ReceiveQueue *queue, size_t bytes) {
    pthread_mutex_lock(&queue->lock);
    int room = bytes <= queue->budget - queue->used;
    if (room) queue->used += bytes;
    pthread_mutex_unlock(&queue->lock);
    return room;
}

void receive_queue_release(ReceiveQueue *queue, size_t bytes) {
    pthread_mutex_lock(&queue->lock);
    queue->used -= bytes;
    pthread_mutex_unlock(&queue->lock);
}

int receive_queue_put(ReceiveQueue *queue, unsigned char *data, size_t n) {
    QueuedBody *body = pythia_alloc_zero(sizeof *body);
    if (!body) return SQLITE_NOMEM;
    body->data = data;
    body->n = n;
    pthread_mutex_lock(&queue->lock);
    body->number = queue->next_number++;
    if (queue->last)
        queue->last->next = body;
    else
        queue->first = body;
    queue->last = body;
    if (!queue->untaken) queue->untaken = body;
    queue->counts.queued++;
    queue->counts.queued_bytes += (int64_t)n;
    pthread_mutex_unlock(&queue->lock);
    return SQLITE_OK;
}

void receive_queue_answered(ReceiveQueue *queue, int status) {
    pthread_mutex_lock(&queue->lock);
    queue->counts.requests++;
    queue->counts.accepted += status == 200;
    queue->counts.refused += status == 503;
    pthread_mutex_unlock(&queue->lock);
}
