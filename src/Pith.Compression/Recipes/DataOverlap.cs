using Pith.Compression.Data;

namespace Pith.Compression;

/// <summary>
/// Finds images that two datasets share: a number measured on images that were learned or chosen from says nothing. Images are known by their content, so that neither another path nor a link nor a
/// copy hides them.
/// </summary>
internal static class DataOverlap
{
    // Sets that are made independently share a few images by nature (MNIST and CIFAR do): up to one in a thousand is only noted.
    private const int Tolerated = 1000;

    /// <summary>Compares each set with each.</summary>
    /// <param name="sets">What each is for, and the data; null when there is none.</param>
    /// <param name="events">Receives a <see cref="Noted"/> where very few images are shared.</param>
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
        var isWhole = DatasetSpec.AreOfOneWhole(first.Name, second.Name);
        if (isWhole || shared > (long)Math.Min(first.Count, second.Count) / Tolerated)
            throw new PithException($"{message} A number measured on images that were learned or chosen from says nothing: take apart with ?range=A..B, or ?every=K and ?not-every=K.");
        events?.Report(new Noted(message));
    }

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
