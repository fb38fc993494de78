using Akka.Actor;

namespace StreamMLOps.Actors;

/// <summary>What a learner tells the writer of alerts on its node: that it is here, and what is wrong with it. Nothing where the pipeline has no alerts.</summary>
/// <param name="definition">The learner's definition.</param>
internal sealed class LearnerAlarms(LearnerDefinition definition)
{
    private const int None = -1;

    public void Started(IActorRef learner) => definition.Alerts?.LearnerStarted(learner);

    public void Stopped(IActorRef learner) => definition.Alerts?.LearnerStopped(learner);

    /// <summary>It recovered, and learns or may.</summary>
    public void Runs()
    {
        foreach (var kind in (string[])["fenced", "refused", "recovery-failed"]) definition.Alerts?.Clear(kind, None, $"{definition.PersistenceId} learns again");
    }

    public void Fenced(long sequence) => definition.Alerts?.Raise("fenced", None, sequence, $"{definition.PersistenceId}: another writer has written event {sequence}, the journal refused ours: two clusters, or two halves of one, work on this journal");

    public void Refused(long sequence, string why) => definition.Alerts?.Raise("refused", None, sequence, $"{definition.PersistenceId} refuses to learn: {why}");

    public void RecoveryFailed(long sequence, Exception why) => definition.Alerts?.Raise("recovery-failed", None, sequence, $"{definition.PersistenceId} cannot recover, at event {sequence}: {why.GetBaseException().Message}");

    public void SnapshotDamaged(long sequence, string why) => definition.Alerts?.Note("snapshot-damaged", None, sequence, $"{definition.PersistenceId}: snapshot {sequence} is unusable ({why}); the one before is used");

    public void UnknownPartition(int partition, string why) => definition.Alerts?.Raise("unknown-partition", partition, 0, $"{definition.PersistenceId}: {why}");
}
