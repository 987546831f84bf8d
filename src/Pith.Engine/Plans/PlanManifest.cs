using System.Text.Json;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.Plans;

/// <summary>What a plan records beside the network: how the engine was built, for which kind of machine, and what was chosen for each layer.</summary>
/// <param name="Device">The kind of machine that tactics were chosen on.</param>
/// <param name="MaxBatch">The largest batch.</param>
/// <param name="MinBatch">The smallest batch.</param>
/// <param name="OptBatch">The batch that tactics were timed for; 0 for the largest.</param>
/// <param name="Threads">Threads of a context; 0 for one per processor.</param>
/// <param name="Literal">See <see cref="EngineOptions.Literal"/>.</param>
/// <param name="Bf16">See <see cref="EngineOptions.Bf16"/>.</param>
/// <param name="Observed">See <see cref="EngineOptions.Observed"/>.</param>
/// <param name="Layers">The choices in execution order.</param>
internal sealed record PlanManifest(string Device, int MaxBatch, int MinBatch, int OptBatch, int Threads, bool Literal, bool Bf16, string[] Observed, PlanManifest.Choice[] Layers)
{
    private const int LargestBatch = 1 << 20;

    /// <summary>What runs one layer, and the seconds of every tactic that was timed.</summary>
    internal sealed record Choice(string Name, string Spec, string Tactic, string Reason, IReadOnlyDictionary<string, double> Timed);

    public static PlanManifest Of(Engine engine, EngineOptions options, Device device) => new(
        device.Kind, engine.MaxBatch, engine.MinBatch, options.OptBatch, options.Threads, options.Literal, options.Bf16, [.. options.Observed],
        [.. engine.Layers.Select(layer => Of(layer))]);

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="PithException">It is not one.</exception>
    public static PlanManifest Parse(ReadOnlyMemory<byte> json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var manifest = PlanManifestJson.Read(document.RootElement);
            if (manifest.Misfit() is not { } misfit) return manifest;
            throw new PithException($"'{path}' is damaged: its manifest has {misfit}. Build it again.");
        }
        catch (Exception failure) when (failure is JsonException or FormatException or InvalidOperationException or KeyNotFoundException)
        {
            throw new PithException($"'{path}' is damaged: its manifest cannot be read ({failure.Message}). Build it again.", failure);
        }
    }

    // Names of layers and tactics are compared with those of the network only, so any text will do.
    private string? Misfit() =>
        MaxBatch is < 1 or > LargestBatch ? $"a largest batch of {MaxBatch}, and 1 to {LargestBatch} are possible"
        : MinBatch < 1 || MinBatch > MaxBatch ? $"a smallest batch of {MinBatch} beside a largest of {MaxBatch}"
        : OptBatch != 0 && (OptBatch < MinBatch || OptBatch > MaxBatch) ? $"a best batch of {OptBatch} for batches of {MinBatch} to {MaxBatch}"
        : Threads is < 0 or > WorkerPool.MostThreads ? $"{Threads} threads, and 1 to {WorkerPool.MostThreads} are possible"
        : Layers.SelectMany(layer => layer.Timed).FirstOrDefault(time => !(time.Value > 0 && double.IsFinite(time.Value))) is { Key: not null } wrong ? $"a time of {wrong.Value} s"
        : null;

    public byte[] ToBytes() => PlanManifestJson.Write(this);

    /// <summary>How to build the engine again.</summary>
    public EngineOptions Options => new() { MaxBatch = MaxBatch, MinBatch = MinBatch, OptBatch = OptBatch, Threads = Threads, Literal = Literal, Bf16 = Bf16, Observed = Observed, TimeTactics = false };

    /// <summary>The choices by layer name; of layers with one name the first counts.</summary>
    public IReadOnlyDictionary<string, PlannedTactic> Tactics
    {
        get
        {
            var tactics = new Dictionary<string, PlannedTactic>(StringComparer.Ordinal);
            foreach (var layer in Layers) tactics.TryAdd(layer.Name, new PlannedTactic(layer.Spec, layer.Tactic, layer.Reason, layer.Timed));
            return tactics;
        }
    }

    private static Choice Of(LayerInfo layer)
    {
        var chosen = layer.Verdicts.First(verdict => verdict.Tactic == layer.Tactic);
        var timed = layer.Verdicts.Where(verdict => verdict.Seconds is not null).ToDictionary(verdict => verdict.Tactic, verdict => verdict.Seconds!.Value);
        return new Choice(layer.Name, layer.Spec.ToString(), layer.Tactic, chosen.Reason, timed);
    }
}
