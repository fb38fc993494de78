using Akka.Actor;
using Akka.Persistence;

namespace StreamMLOps.Actors;

/// <summary>
/// Reads some events of one persistence id by the messages with which a persistent actor recovers. Akka's read journal does the same by
/// way of actors that are started with the first question and give up after fixed times, which a busy node does not keep.
/// </summary>
internal sealed class JournalPage : ReceiveActor
{
    private readonly List<(long Sequence, JournalEvent Event)> _events = [];
    private readonly TaskCompletionSource<IReadOnlyList<(long, JournalEvent)>> _answer;

    /// <param name="journal">The journal's actor.</param>
    /// <param name="question">Which events; who is to be answered is replaced.</param>
    /// <param name="patience">How long the journal may say nothing.</param>
    /// <param name="answer">Gets the events that are there, in order, or the database's exception.</param>
    public JournalPage(IActorRef journal, ReplayMessages question, TimeSpan patience, TaskCompletionSource<IReadOnlyList<(long, JournalEvent)>> answer)
    {
        _answer = answer;
        Receive<ReplayedMessage>(m => _events.Add((m.Persistent.SequenceNr, (JournalEvent)m.Persistent.Payload)));
        Receive<RecoverySuccess>(_ =>
        {
            answer.TrySetResult(_events);
            Context.Stop(Self);
        });
        Receive<ReplayMessagesFailure>(f => Fail(f.Cause));
        Receive<ReceiveTimeout>(_ => Fail(new AskTimeoutException($"the journal did not answer within {patience.TotalSeconds:0} s")));
        Context.SetReceiveTimeout(patience);
        journal.Tell(new ReplayMessages(question.FromSequenceNr, question.ToSequenceNr, question.Max, question.PersistenceId, Self));
    }

    // A system that ends while the journal is asked answers nothing any more.
    protected override void PostStop() => _answer.TrySetException(new AskTimeoutException("the actor system ended while the journal was read"));

    private void Fail(Exception cause)
    {
        _answer.TrySetException(cause);
        Context.Stop(Self);
    }
}
