using Pith.Compression.Data;

namespace Pith.Compression;

/// <summary>Finds images that two datasets share, as far as their specifications show it: both take positions of the same whole.</summary>
internal static class DataOverlap
{
    // The procedural set's option that says how many of the same images there are, not which.
    private const string CountOption = "count";

    /// <exception cref="PithException">Both hold the same image of the same whole.</exception>
    public static void Refuse(string firstRole, ImageDataset? first, string? firstSpec, string secondRole, ImageDataset? second, string? secondSpec)
    {
        if (first is null || second is null || firstSpec is null || secondSpec is null || !SameWhole(DatasetSpec.Parse(firstSpec), DatasetSpec.Parse(secondSpec))) return;
        var shared = Positions(first).Intersect(Positions(second)).Count();
        if (shared > 0)
            throw new PithException($"{firstRole} data '{firstSpec}' and {secondRole} data '{secondSpec}' share {shared} images. A number measured on images that were learned or chosen from says nothing: take apart with ?range=A..B, or ?every=K and ?not-every=K.");
    }

    private static bool SameWhole(DatasetSpec first, DatasetSpec second) =>
        first.Kind == second.Kind && first.Path == second.Path && first.Kind.Options.All(option => option == CountOption || first.Option(option) == second.Option(option));

    private static IEnumerable<int> Positions(ImageDataset dataset) => dataset is DatasetSubset subset ? subset.Indices : Enumerable.Range(0, dataset.Count);
}
