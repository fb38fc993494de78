using Akka.Cluster;

namespace StreamMLOps.Host;

/// <summary>
/// Nodes of a cluster must share one journal: each carries the journal's id as a role, and a node that joins a cluster of another one is
/// refused before any learner can run on it. A SQLite file belongs to one node: its id is never another node's.
/// </summary>
internal static class JournalGuard
{
    private const string Prefix = "journal:";

    /// <summary>The role that tells the others of this node's journal.</summary>
    public static string RoleOf(IJournalStore journal) => Prefix + journal.Id;

    /// <summary>The member whose journal is not this node's and that was here first, or null.</summary>
    public static Member? OlderStranger(Cluster cluster, string role)
    {
        var self = cluster.SelfMember;
        foreach (var other in cluster.State.Members)
        {
            if (other.UniqueAddress.Equals(self.UniqueAddress) || other.HasRole(role) || !other.Roles.Any(r => r.StartsWith(Prefix, StringComparison.Ordinal))) continue;
            if (other.Status is MemberStatus.Down or MemberStatus.Removed or MemberStatus.Exiting or MemberStatus.Leaving) continue;
            // Where both are new, one of them must yield: it does not matter which, as long as both agree.
            if (IsUp(other) && !IsUp(self) || IsUp(other) == IsUp(self) && string.CompareOrdinal(other.Address.ToString(), self.Address.ToString()) < 0) return other;
        }
        return null;
    }

    private static bool IsUp(Member member) => member.Status == MemberStatus.Up;
}
