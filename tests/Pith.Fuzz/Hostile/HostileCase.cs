using CsCheck;
using Pith.Fuzz.Campaign;

namespace Pith.Fuzz.Hostile;

/// <summary>
/// A valid file with random damage. Reading it gives a result or a <see cref="PithException"/>, within seconds and without much memory. Its parts are the places that are damaged.
/// </summary>
internal sealed class HostileCase(HostileTarget target, uint seed, Damage[] damages) : FuzzCase
{
    private const double MostSeconds = 5;
    // An image of the largest size that is decoded, 179 million pixels: 8 bytes a pixel in the library, 3 in the result.
    private const long MostBytes = 2L << 30;

    public static FuzzFamily Family { get; } = new("hostile", 2500, SecondsPerCase: 120,
        Gen.Select(Gen.OneOf(HostileTargets.All.ToArray()), Gen.UInt, Damage.Any.Array[1, 6], (target, seed, damages) => (FuzzCase)new HostileCase(target, seed, damages)));

    public override int Parts => damages.Length;

    public override string Summary(IReadOnlyList<int> kept) => target.Name;

    public override string Describe(IReadOnlyList<int> kept) => $"{target.Name}, valid file {seed}, {string.Join(", ", kept.Select(i => damages[i]))}";

    public override void Save(IReadOnlyList<int> kept, string folder) => File.WriteAllBytes(Path.Combine(folder, "damaged"), Damaged(kept));

    public override Failure? Check(IReadOnlyList<int> kept)
    {
        var bytes = Damaged(kept);
        // The process's own time: on a busy machine that of the clock says little.
        var began = Environment.CpuUsage.TotalTime;
        var allocated = GC.GetTotalAllocatedBytes();
        try
        {
            target.Read(bytes);
        }
        catch (PithException refused)
        {
            if (string.IsNullOrWhiteSpace(refused.Message)) return new Failure("a refusal without a message", refused.ToString());
        }
        catch (Exception crash)
        {
            return new Failure(Texts.Kind(crash), crash.ToString());
        }
        allocated = GC.GetTotalAllocatedBytes() - allocated;
        var seconds = (Environment.CpuUsage.TotalTime - began).TotalSeconds;
        if (seconds > MostSeconds) return new Failure($"takes more than {MostSeconds} s", $"{seconds:F1} s");
        if (allocated > MostBytes) return new Failure("takes more than 2 GiB", $"{allocated >> 20} MiB allocated");
        return null;
    }

    private byte[] Damaged(IReadOnlyList<int> kept)
    {
        var valid = target.Valid(seed);
        return target.Damage(valid, [.. kept.Select(i => damages[i])]);
    }
}
