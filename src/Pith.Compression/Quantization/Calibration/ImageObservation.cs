namespace Pith.Compression.Quantization;

/// <summary>Something that values of images are added to; instances of several threads are joined.</summary>
/// <typeparam name="T">The collector.</typeparam>
internal interface IImageCollector<T>
{
    /// <summary>Adds a value of the image or batch number <paramref name="batch"/>; called for every observed value.</summary>
    void Add(in ObservedValue value, bool isFirstHalf, int batch);

    /// <summary>Adds what another one has collected. The result may not depend on the order.</summary>
    void Merge(T other);
}

/// <summary>Runs kept images through a network and shows its values; image by image where the network takes any batch, so that little memory is needed. Several threads run an image each; no result depends on them.</summary>
internal static class ImageObservation
{
    /// <summary>Collects values of a network.</summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="images">What to run it on.</param>
    /// <param name="values">Names of the float values to observe.</param>
    /// <param name="threads">How many images run at the same time; 0 for one per processor.</param>
    /// <param name="create">Makes an empty collector, one for each thread.</param>
    /// <exception cref="PithException">The network cannot be run, or a collector refuses a value; of several failures that of the first image.</exception>
    public static T Collect<T>(Graph graph, CalibrationImages images, IReadOnlyCollection<string> values, int threads, Func<T> create) where T : IImageCollector<T>
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = images.Input.FixedBatch ?? 1, Threads = 1, Observed = values, TimeTactics = false });
        var workers = Math.Clamp(threads > 0 ? threads : Environment.ProcessorCount, 1, images.Runs);
        var (collectors, failures) = (new T[workers], new Exception?[images.Runs]);
        Task.WaitAll([.. Enumerable.Range(0, workers).Select(worker => Task.Factory.StartNew(() => Work(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
        if (failures.FirstOrDefault(failure => failure is not null) is { } first) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        foreach (var other in collectors[1..]) collectors[0].Merge(other);
        return collectors[0];

        void Work(int worker)
        {
            using var context = engine.CreateContext();
            var observer = new Observer<T>(collectors[worker] = create());
            context.Observer = observer;
            for (var run = worker; run < images.Runs; run += workers)
                try
                {
                    (observer.Batch, observer.IsFirstHalf) = (run, run < (images.Runs + 1) / 2);
                    var image = images.Run(run);
                    image.WriteTo(context);
                    context.Run(image.Count);
                }
                catch (Exception failure)
                {
                    failures[run] = failure;
                    return;
                }
        }
    }

    private sealed class Observer<T>(T collector) : IValueObserver where T : IImageCollector<T>
    {
        public int Batch { get; set; }

        public bool IsFirstHalf { get; set; }

        public void Observe(in ObservedValue value) => collector.Add(value, IsFirstHalf, Batch);
    }
}
