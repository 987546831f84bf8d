using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>
/// Finds images that two datasets share: an accuracy measured on images that were used for training or selection means nothing. Images are identified by their content, so a different path, a link or a copy is
/// found as well.
/// </summary>
internal static class DataOverlap
{
    // Public datasets hold a few images twice, within one part or in both: up to one in a thousand is only noted.
    private const int Tolerated = 1000;

    /// <summary>Compares each pair of sets.</summary>
    /// <param name="sets">What each is for, and the data; null when there is none.</param>
    /// <param name="events">Receives a <see cref="Warning"/> where very few images are shared.</param>
    /// <exception cref="PithException">Two of them share images.</exception>
    public static void Refuse(IReadOnlyList<(string Role, ImageDataset? Data)> sets, IProgress<PithEvent>? events)
    {
        for (var i = 0; i < sets.Count; i++)
            for (var j = i + 1; j < sets.Count; j++)
                if (sets[i].Data is { } first && sets[j].Data is { } second) Refuse(sets[i].Role, first, sets[j].Role, second, events);
    }

    private static void Refuse(string firstRole, ImageDataset first, string secondRole, ImageDataset second, IProgress<PithEvent>? events)
    {
        var shared = Shared(first, second);
        if (shared == 0) return;
        var message = $"{firstRole} data '{first.Name}' and {secondRole} data '{second.Name}' share {shared} image{(shared == 1 ? "" : "s")}.";
        if (SelectTheSame(first, second) || shared > Math.Min(first.Count, second.Count) / Tolerated)
            throw new PithException($"{message} An accuracy measured on images that were used for training or selection means nothing: separate the sets with ?range=A..B, or ?every=K and ?not-every=K.");
        events?.Report(new Warning(message));
    }

    /// <summary>Whether both take a sample of the same position of the same whole, so that what they share is not a duplicate in the data.</summary>
    private static bool SelectTheSame(ImageDataset first, ImageDataset second) =>
        DatasetSpec.AreOfOneWhole(first.Name, second.Name) && Positions(first).Intersect(Positions(second)).Any();

    private static IEnumerable<int> Positions(ImageDataset dataset) => dataset is DatasetSubset subset ? subset.Indices : Enumerable.Range(0, dataset.Count);

    /// <summary>The number of images of the second set that are in the first: found by how they start, and then by all of their content.</summary>
    private static int Shared(ImageDataset first, ImageDataset second)
    {
        var byStart = Enumerable.Range(0, first.Count).ToLookup(index => first.Content(index, whole: false));
        var contents = new Dictionary<ContentKey, HashSet<ContentKey>>(); // by start; only of what both sets have
        var shared = 0;
        for (var index = 0; index < second.Count; index++)
        {
            var start = second.Content(index, whole: false);
            if (!byStart.Contains(start)) continue;
            if (!contents.TryGetValue(start, out var same)) contents[start] = same = [.. byStart[start].Select(candidate => first.Content(candidate, whole: true))];
            if (same.Contains(second.Content(index, whole: true))) shared++;
        }
        return shared;
    }
}
