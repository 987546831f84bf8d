using System.Security.Cryptography;
using System.Text;
using Pith.Platform;

namespace Pith.Compression.Distribution;

/// <summary>The processors of a rank. mpirun binds ranks by default, each to a core when there are one or two and to a larger part of the machine when there are more, so ranks may share processors or leave most of them idle.</summary>
/// <param name="Threads">Threads for the rank.</param>
/// <param name="Note">What the user should know; null when nothing.</param>
internal sealed record CpuShare(int Threads, string? Note)
{
    /// <summary>Compares where the ranks may run; collective.</summary>
    public static CpuShare Of(ProcessGroup group)
    {
        // Environment.ProcessorCount knows the affinity, and limits of a container.
        var (own, ofLauncher) = (SystemFacts.AllowedProcessors, SystemFacts.AllowedProcessorsOfParent);
        var hosts = group.GatherNumbers(Hash(Environment.MachineName));
        var places = group.GatherNumbers(Hash($"{Environment.MachineName} {own}"));
        var onHost = hosts.Count(host => host == hosts[group.Rank]);
        var sharing = places.Count(place => place == places[group.Rank]);
        var threads = Math.Max(1, Environment.ProcessorCount / sharing);
        var (used, all) = (Environment.ProcessorCount * onHost / sharing, Count(ofLauncher));
        return new CpuShare(threads, used <= all / 2 ? $"mpirun bound what it runs on {Environment.MachineName} (ranks: {onHost}) to {used} of {all} processors. Start it with --bind-to none to use all of them." : null);
    }

    /// <summary>Processors in a list such as <c>0-3,8</c>; 0 when there is none.</summary>
    internal static int Count(string? list)
    {
        var count = 0;
        foreach (var part in list?.Split(',') ?? [])
        {
            var ends = part.Split('-');
            if (int.TryParse(ends[0], out var first) && int.TryParse(ends[^1], out var last)) count += last - first + 1;
        }
        return count;
    }

    private static long Hash(string text) => BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
