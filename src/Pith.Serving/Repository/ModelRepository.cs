using System.Collections.Concurrent;

namespace Pith.Serving;

/// <summary>
/// The models that are served, by name and version. Loading and unloading happen one after the other; lookups take no locks. A version that is replaced goes on until its successor answers, and what it has
/// queued is answered; one that cannot be loaded makes nothing else unavailable. Names are looked up in the list that the last look at the repository gave, never in the file system.
/// </summary>
internal sealed class ModelRepository : IAsyncDisposable
{
    private readonly ServerOptions _options;
    private readonly ServingLog _log;
    private readonly EngineStore _store;
    private readonly ConcurrentDictionary<string, ModelEntry> _entries = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string, long), ModelStatistics> _statistics = new();
    private readonly SemaphoreSlim _changes = new(1);
    private readonly ConcurrentDictionary<Task, bool> _draining = new();
    private volatile bool _isLoaded;
    private int _disposed;

    public ModelRepository(ServerOptions options, ServingLog log)
    {
        (_options, _log) = (options, log);
        _store = new EngineStore(CacheFolder(options), log);
    }

    /// <summary>Whether the models of the start are loaded, or known to be unavailable, and with strict readiness every model is ready.</summary>
    public bool IsReady => _isLoaded && (!_options.StrictReadiness || _entries.Values.All(entry => entry.States.All(state => state.Value.IsReady || state.Value.WasUnloaded)));

    /// <summary>The statistics of all versions that were ever loaded, in order.</summary>
    public IReadOnlyList<ModelStatistics> Statistics => [.. _statistics.Values.OrderBy(statistics => statistics.Model, StringComparer.Ordinal).ThenBy(statistics => statistics.Version)];

    /// <summary>Loads the models of the start. Failures of single models are logged and stand in the index.</summary>
    /// <exception cref="PithException">As <see cref="Startup"/>.</exception>
    public async Task LoadStartupAsync(CancellationToken cancellation)
    {
        foreach (var source in Startup(_options))
        {
            cancellation.ThrowIfCancellationRequested();
            await ChangeAsync(() => Load(source), cancellation).ConfigureAwait(false);
        }
        _isLoaded = true;
    }

    /// <summary>The models that are loaded at the start.</summary>
    /// <exception cref="PithException">The repository cannot be read, or a model that is named is not there.</exception>
    public static IReadOnlyList<ModelSource> Startup(ServerOptions options)
    {
        var sources = ModelSource.Scan(options.Repository);
        foreach (var missing in options.StartupModels.Where(name => name != "*" && !sources.ContainsKey(name)))
            throw new PithException($"The repository '{options.Repository}' has no model '{missing}'. {ClosestNames.Suggestion(missing, sources.Keys)}");
        var areAll = options.Control != ModelControl.Explicit || options.StartupModels.Contains("*");
        return [.. sources.Values.Where(source => areAll || options.StartupModels.Contains(source.Name)).OrderBy(source => source.Name, StringComparer.Ordinal)];
    }

    /// <summary>Watches the repository until it is cancelled, if that is how models are controlled.</summary>
    public async Task WatchAsync(CancellationToken cancellation)
    {
        if (_options.Control != ModelControl.Poll) return;
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        using var timer = new PeriodicTimer(_options.PollInterval);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                var sources = ModelSource.Scan(_options.Repository);
                // A file that is being copied looks different each time: it is left alone until it does not.
                foreach (var source in sources.Values)
                    if (seen.TryGetValue(source.Name, out var before) && before == source.Fingerprint && IsNews(source)) await ChangeAsync(() => Load(source), cancellation).ConfigureAwait(false);
                foreach (var (name, entry) in _entries)
                    if (!sources.ContainsKey(name) && entry.States.Values.Any(state => !state.WasUnloaded)) await ChangeAsync(() => UnloadAll(name, entry), cancellation).ConfigureAwait(false);
                seen = sources.ToDictionary(source => source.Key, source => source.Value.Fingerprint, StringComparer.Ordinal);
            }
            catch (PithException failure)
            {
                _log.Note("*", failure.Message);
            }
        }
    }

    /// <summary>A version that is ready.</summary>
    /// <param name="name">The model.</param>
    /// <param name="version">The version; empty for the newest that is ready.</param>
    /// <exception cref="RequestException">There is none of that name, or it is not ready.</exception>
    public ServedModel Find(string name, string version)
    {
        if (!_entries.TryGetValue(name, out var entry)) throw RequestException.NotFound($"There is no model '{name}'. {ClosestNames.Suggestion(name, _entries.Keys)}");
        var ready = entry.Ready;
        if (version.Length == 0) return ready.Count > 0 ? ready[ready.Keys.Max()] : throw Unready(entry, null);
        var number = ParseVersion(version);
        if (ready.TryGetValue(number, out var model)) return model;
        throw entry.States.ContainsKey(number) ? Unready(entry, number) : RequestException.NotFound($"Model '{name}' has no version {version}. Versions that are ready: {(ready.Count == 0 ? "none" : string.Join(", ", ready.Keys.Order()))}.");
    }

    /// <summary>The versions of a model that are ready, in order.</summary>
    public IReadOnlyList<long> ReadyVersions(string name) => _entries.TryGetValue(name, out var entry) ? [.. entry.Ready.Keys.Order()] : [];

    /// <summary>The statistics of one version, or of all versions of a model.</summary>
    /// <exception cref="RequestException">There are none.</exception>
    public IReadOnlyList<ModelStatistics> StatisticsOf(string name, string version)
    {
        if (name.Length == 0) return Statistics;
        if (version.Length > 0) return [Find(name, version).Statistics];
        if (!_entries.TryGetValue(name, out var entry)) throw RequestException.NotFound($"There is no model '{name}'.");
        return [.. entry.Ready.OrderBy(model => model.Key).Select(model => model.Value.Statistics)];
    }

    /// <summary>Every version of every model with its state.</summary>
    public IReadOnlyList<(string Name, long? Version, string State, string Reason)> Index(bool onlyReady)
    {
        var rows = new List<(string, long?, string, string)>();
        var sources = Scan();
        foreach (var name in sources.Keys.Union(_entries.Keys).Order(StringComparer.Ordinal))
        {
            if (!_entries.TryGetValue(name, out var entry)) rows.Add((name, null, "UNAVAILABLE", "not loaded"));
            else rows.AddRange(entry.States.OrderBy(state => state.Key).Select(state => (name, (long?)state.Key, state.Value.IsReady ? "READY" : "UNAVAILABLE", state.Value.Reason)));
        }
        return onlyReady ? [.. rows.Where(row => row.Item3 == "READY")] : rows;
    }

    /// <summary>Loads a model, or what has changed of it.</summary>
    /// <exception cref="RequestException">There is no such model, it cannot be loaded, or requests may not.</exception>
    public async Task LoadAsync(string name, CancellationToken cancellation)
    {
        RequireControl();
        if (!Scan().TryGetValue(name, out var source)) throw RequestException.NotFound($"The model repository has no model '{name}'.");
        await ChangeAsync(() => Load(source), cancellation).ConfigureAwait(false);
        if (_entries[name].States.Values.FirstOrDefault(state => state.Failure is not null)?.Failure is { } reason) throw RequestException.Invalid($"Model '{name}' could not be loaded: {reason}");
    }

    /// <summary>Unloads a model. What it has queued is answered first.</summary>
    /// <exception cref="RequestException">It is not loaded, or requests may not.</exception>
    public async Task UnloadAsync(string name, CancellationToken cancellation)
    {
        RequireControl();
        if (!_entries.TryGetValue(name, out var entry)) throw RequestException.NotFound($"There is no model '{name}'.");
        await ChangeAsync(() => UnloadAll(name, entry), cancellation).ConfigureAwait(false);
    }

    /// <summary>Unloads everything: what is queued is answered.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await ChangeAsync(() =>
        {
            foreach (var (name, entry) in _entries) UnloadAll(name, entry);
        }, CancellationToken.None).ConfigureAwait(false);
        await Task.WhenAll(_draining.Keys).ConfigureAwait(false);
        _changes.Dispose();
    }

    private static string? CacheFolder(ServerOptions options) => options.CacheFolder switch
    {
        "" => null,
        { } folder => Path.GetFullPath(folder),
        null => Path.Combine(Directory.Exists(options.Repository) ? Path.GetFullPath(options.Repository) : Path.GetDirectoryName(Path.GetFullPath(options.Repository))!, ".pith-cache"),
    };

    private static long ParseVersion(string version) =>
        long.TryParse(version, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : throw RequestException.Invalid($"A version is a whole number, got '{version}'.");

    private static RequestException Unready(ModelEntry entry, long? version)
    {
        var state = version is { } number ? entry.States[number] : entry.States.OrderBy(known => known.Key).Select(known => known.Value).LastOrDefault();
        return new RequestException(RequestFault.Unavailable, $"Model '{entry.Name}'{(version is null ? "" : $" version {version}")} is not available: {state?.Reason ?? "it has no version"}");
    }

    private IReadOnlyDictionary<string, ModelSource> Scan()
    {
        try
        {
            return ModelSource.Scan(_options.Repository);
        }
        catch (PithException failure)
        {
            throw new RequestException(RequestFault.Unavailable, failure.Message, failure);
        }
    }

    private void RequireControl()
    {
        if (_options.Control == ModelControl.None) throw new RequestException(RequestFault.Unavailable, "This server does not load or unload models on request: start it with --model-control explicit or poll.");
    }

    private bool IsNews(ModelSource source) => !_entries.TryGetValue(source.Name, out var entry) || entry.Fingerprint != source.Fingerprint;

    // Loading computes for seconds: on a thread of its own, and one at a time, so that timings are not of two builds at once.
    private async Task ChangeAsync(Action change, CancellationToken cancellation)
    {
        await _changes.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await Task.Factory.StartNew(change, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        finally
        {
            _changes.Release();
        }
    }

    private void Load(ModelSource source)
    {
        var before = _entries.GetValueOrDefault(source.Name);
        var states = new SortedDictionary<long, VersionState>();
        var ready = new Dictionary<long, ServedModel>();
        ModelConfig config;
        try
        {
            config = source.ConfigPath is { } path ? ModelConfigFile.Read(path) : ModelConfig.None;
            if (config.Unused.Count > 0) _log.Note(source.Name, $"not used of {ModelConfigFile.Name}: {string.Join(", ", config.Unused)}");
            var versions = config.Versions.Choose(source.Versions.Keys);
            if (versions.Count == 0) throw new PithException(source.Versions.Count == 0 ? $"'{source.Folder}' has no folder of a version, e.g. 1." : $"none of the versions {string.Join(", ", source.Versions.Keys.Order())} is among those of the version policy.");
            foreach (var version in versions) LoadVersion(source, version, config, before, ready, states);
            // A version does not give way to one that cannot be loaded.
            if (states.Values.Any(state => !state.IsReady))
                foreach (var (version, old) in before?.Ready ?? new Dictionary<long, ServedModel>())
                    if (ready.TryAdd(version, old)) states[version] = new VersionState(true, "as loaded before; a version in its place cannot be loaded", null);
        }
        catch (PithException failure)
        {
            _log.LoadFailed(source.Name, 0, failure.Message);
            // What serves goes on as it is.
            foreach (var (version, model) in before?.Ready ?? new Dictionary<long, ServedModel>()) ready[version] = model;
            foreach (var version in ready.Keys.Concat(ready.Count > 0 ? [] : source.Versions.Keys.DefaultIfEmpty(1))) states[version] = new VersionState(ready.ContainsKey(version), failure.Message, failure.Message);
        }
        _entries[source.Name] = new ModelEntry(source.Name, source.Fingerprint, ready, states);
        foreach (var old in before?.Ready.Values.Except(ready.Values) ?? []) Drain(old);
    }

    private void LoadVersion(ModelSource source, long version, ModelConfig config, ModelEntry? before, Dictionary<long, ServedModel> ready, SortedDictionary<long, VersionState> states)
    {
        var old = before?.Ready.GetValueOrDefault(version);
        if (old is not null && old.Stamp == source.Versions[version].Stamp)
        {
            (ready[version], states[version]) = (old, new VersionState(true, "", null));
            return;
        }
        try
        {
            var statistics = _statistics.GetOrAdd((source.Name, version), _ => new ModelStatistics(source.Name, version));
            ready[version] = ServedModel.Load(source, version, config, _store, _options, statistics, _log);
            states[version] = new VersionState(true, "", null);
        }
        catch (Exception failure)
        {
            // Whatever is wrong with one model, the others are served.
            var reason = failure is PithException ? failure.Message : $"{failure.GetType().Name}: {failure.Message}";
            _log.LoadFailed(source.Name, version, reason);
            if (old is not null) ready[version] = old;
            states[version] = new VersionState(old is not null, old is null ? reason : $"as loaded before; what is there now cannot be loaded: {reason}", reason);
        }
    }

    private void UnloadAll(string name, ModelEntry entry)
    {
        var current = _entries.GetValueOrDefault(name, entry);
        _entries[name] = current with { Ready = new Dictionary<long, ServedModel>(), States = current.States.ToDictionary(state => state.Key, _ => new VersionState(false, "unloaded", null, WasUnloaded: true)) };
        foreach (var model in current.Ready.Values) Drain(model);
    }

    private void Drain(ServedModel model)
    {
        var draining = Task.Factory.StartNew(() =>
        {
            model.Dispose();
            _log.Unloaded(model.Name, model.Version);
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _draining[draining] = true;
        draining.ContinueWith(done => _draining.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private sealed record ModelEntry(string Name, string Fingerprint, IReadOnlyDictionary<long, ServedModel> Ready, IReadOnlyDictionary<long, VersionState> States);

    private sealed record VersionState(bool IsReady, string Reason, string? Failure, bool WasUnloaded = false);
}
