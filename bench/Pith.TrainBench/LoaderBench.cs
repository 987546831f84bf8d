using System.Diagnostics;
using System.Globalization;
using Pith;
using Pith.Compression.Data;

/// <summary>Times the loader of training images alone: reading, decoding, augmenting, normalising, batching. Nothing trains.</summary>
internal static class LoaderBench
{
    public const string Usage = "Pith.TrainBench loader DATA BATCH SECONDS [AUGMENT]   DATA as in --data, AUGMENT as in --augment";

    public static int Run(string data, int batchSize, double seconds, string augment)
    {
        var dataset = DatasetCatalog.Open(data);
        var augmentation = new Augmentation(0, true) { Policy = AugmentationPolicy.Parse(augment) };
        var loader = new BatchLoader(dataset, dataset.DefaultPreprocessing, new BatchLoaderOptions { BatchSize = batchSize, Shuffle = true, Seed = 1, Augmentation = augmentation });
        // The first epoch compiles, and brings the files into the system's cache.
        foreach (var batch in loader.Epoch()) _ = batch.Count;
        var rates = new List<double>();
        var cpu = Environment.CpuUsage.TotalTime;
        var (clock, allocated, collections) = (Stopwatch.StartNew(), GC.GetTotalAllocatedBytes(), GC.CollectionCount(2));
        long images = 0;
        for (var epoch = 1; clock.Elapsed.TotalSeconds < seconds || rates.Count < 3; epoch++)
        {
            var start = Stopwatch.GetTimestamp();
            foreach (var batch in loader.Epoch(epoch)) images += batch.Count;
            rates.Add(dataset.Count / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        rates.Sort();
        var cpuMilliseconds = (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds / images;
        var perImage = (GC.GetTotalAllocatedBytes() - allocated) / 1024.0 / images;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loader {augmentation.Policy} batch {batchSize}, {Environment.ProcessorCount} threads: median {rates[rates.Count / 2]:F0} images/s, best {rates[^1]:F0}, worst {rates[0]:F0}, {rates.Count} epochs of {dataset.Count}; {cpuMilliseconds:F2} ms of a processor and {perImage:F0} KiB of memory for an image, {GC.CollectionCount(2) - collections} full collections"));
        return 0;
    }
}
