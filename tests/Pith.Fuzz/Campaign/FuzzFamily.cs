using CsCheck;

namespace Pith.Fuzz.Campaign;

/// <summary>A kind of random test.</summary>
/// <param name="Name">The name, as the command line takes it.</param>
/// <param name="ShortRun">Cases of the short run that belongs to the tests.</param>
/// <param name="SecondsPerCase">What a case may take before it counts as hanging.</param>
/// <param name="Cases">Makes cases.</param>
internal sealed record FuzzFamily(string Name, int ShortRun, double SecondsPerCase, Gen<FuzzCase> Cases)
{
    /// <summary>The one list of families.</summary>
    public static IReadOnlyList<FuzzFamily> All { get; } = [Differential.NetworkCase.Family, Pipeline.PipelineCase.Family, Hostile.HostileCase.Family, Serving.RequestCase.Family];

    public static FuzzFamily Find(string name) =>
        All.FirstOrDefault(family => family.Name == name) ?? throw new PithException($"There is no family '{name}'; expected {string.Join(", ", All.Select(family => family.Name))}.");

    /// <summary>The case that a seed stands for.</summary>
    public FuzzCase Create(string seed) => Cases.Generate(PCG.Parse(seed), null, out _);
}
