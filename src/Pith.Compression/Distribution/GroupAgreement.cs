using System.Security.Cryptography;
using System.Text;

namespace Pith.Compression.Distribution;

/// <summary>Whether all ranks are about to do the same work. Ranks that read other files or compute otherwise would drift apart without an error.</summary>
internal static class GroupAgreement
{
    /// <summary>Compares facts that every rank must agree on.</summary>
    /// <param name="group">The ranks.</param>
    /// <param name="facts">What is compared, by a name for the message; the same names in the same order on each rank. Not called for one process.</param>
    /// <exception cref="PithException">A rank differs from the first; thrown on every rank.</exception>
    public static void Require(ProcessGroup group, Func<IEnumerable<(string What, string Value)>> facts)
    {
        if (group.Size == 1) return;
        foreach (var (what, value) in facts())
        {
            var all = group.GatherNumbers(BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(value))));
            var other = Array.FindIndex(all, hash => hash != all[0]);
            if (other < 0) continue;
            throw new PithException($"Rank {other} of {group.Size} has another {what} than rank 0{(group.Rank == 0 || group.Rank == other ? $" (rank {group.Rank} has: {Shortened(value)})" : "")}. All ranks must work on the same network and the same data by the same program: check that their files are the same, and where processors differ set {Kernels.Isa.CapVariable} to what all of them have.");
        }
    }

    private static string Shortened(string value) => value.Length <= 200 ? value : value[..200] + " …";
}
