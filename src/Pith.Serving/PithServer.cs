using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Pith.Serving;

/// <summary>
/// A server of models by the Open Inference Protocol, version 2, over HTTP and gRPC. It listens when <see cref="StartAsync"/> returns and is ready when <see cref="Loaded"/> is complete. Thread-safe.
/// </summary>
public sealed class PithServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ServerOptions _options;
    private readonly ModelRepository _repository;
    private readonly ServerState _state;
    private readonly ServingLog _log;
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;
    private int _stopped;

    private PithServer(WebApplication application, ServerOptions options)
    {
        (_application, _options) = (application, options);
        _repository = application.Services.GetRequiredService<ModelRepository>();
        _state = application.Services.GetRequiredService<ServerState>();
        _log = application.Services.GetRequiredService<ServingLog>();
    }

    /// <summary>Where HTTP is served; null when it is not.</summary>
    public Uri? HttpAddress { get; private set; }

    /// <summary>Where gRPC is served; null when it is not.</summary>
    public Uri? GrpcAddress { get; private set; }

    /// <summary>Complete when the models of the start are loaded or known to be unavailable; faulted with a <see cref="PithException"/> when the repository cannot be read any more.</summary>
    public Task Loaded { get; private set; } = Task.CompletedTask;

    /// <summary>Starts a server.</summary>
    /// <param name="options">What is served, and where.</param>
    /// <param name="logging">Receives log lines; null discards them.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="PithException">An option makes no sense, the repository cannot be read, the certificate cannot be read, or a port is taken.</exception>
    public static async Task<PithServer> StartAsync(ServerOptions options, Action<ILoggingBuilder>? logging = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        // Before anybody is told where to ask.
        _ = ModelRepository.Startup(options.Checked());
        var application = Build(options, logging);
        var server = new PithServer(application, options);
        try
        {
            await application.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            if (failure is IOException or System.Net.Sockets.SocketException) throw new PithException($"Cannot listen on {options.Host}, ports {options.HttpPort} and {options.GrpcPort}: {failure.Message} Choose other ports.", failure);
            throw;
        }
        server.Begin();
        return server;
    }

    /// <summary>Takes no more requests and answers those that were accepted, as long as the options allow.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0) return;
        _log.Stopping();
        _state.Stop();
        using var limit = new CancellationTokenSource(_options.DrainTimeout);
        await _application.StopAsync(limit.Token).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var task in new[] { Loaded, _watching })
        {
            try
            {
                await task.ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is OperationCanceledException or PithException)
            {
                // Whoever started the server sees what Loaded failed with.
            }
        }
        await _repository.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Stops the server and frees what it holds.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private static WebApplication Build(ServerOptions options, Action<ILoggingBuilder>? logging)
    {
        // Empty: no settings from files or variables that happen to be there.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = typeof(PithServer).Assembly.GetName().Name });
        logging?.Invoke(builder.Logging);
        // Nothing here waits or computes for long where it is called from, so the threads that receive may call it. A connection that waits for data holds a buffer: to look for data first costs as many
        // system calls as to receive it.
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseSockets(sockets => (sockets.UnsafePreferInlineScheduling, sockets.WaitForDataBeforeAllocatingBuffer) = (true, false)).ConfigureKestrel(kestrel => Listening.Configure(kestrel, options));
        var services = builder.Services;
        services.AddSingleton<IHostLifetime, CallersLifetime>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainTimeout);
        services.AddSingleton<IMemoryPoolFactory<byte>, ConnectionBuffers>();
        services.AddRoutingCore();
        services.AddSingleton(options);
        services.AddSingleton(provider => new ServingLog(provider.GetRequiredService<ILoggerFactory>().CreateLogger("Pith.Serving")));
        services.AddSingleton<ModelRepository>();
        services.AddSingleton<ServerState>();
        services.AddSingleton<InferenceService>();
        services.AddSingleton(new ByteBudget(options.MaxBufferedBytes));
        services.AddSingleton<HttpFrontEnd>();
        services.AddSingleton<GrpcFrontEnd>();
        services.AddSingleton<GrpcBodies>();
        services.AddSingleton<RequestGate>();
        services.AddGrpc(grpc => (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = ((int)options.MaxRequestBytes, null));
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks().AddCheck<ReadinessCheck>("ready");
        if (options.TelemetryEndpoint is { } endpoint) AddTelemetry(services, endpoint);
        var application = builder.Build();
        var gate = application.Services.GetRequiredService<RequestGate>();
        application.Use(gate.PassAsync);
        application.UseRouting();
        application.Use(application.Services.GetRequiredService<GrpcBodies>().PassAsync);
        application.Services.GetRequiredService<HttpFrontEnd>().Map(application);
        application.MapGrpcService<GrpcFrontEnd>();
        application.MapGrpcHealthChecksService();
        application.MapGrpcReflectionService();
        return application;
    }

    // ASP.NET Core begins a span for each request, with the caller's trace as its parent; unless it is listened to as well it counts as not sampled, and so does what is inside it.
    private static void AddTelemetry(IServiceCollection services, Uri endpoint) => services.AddOpenTelemetry()
        .WithTracing(tracing => tracing.AddSource(ServingTelemetry.Name, "Microsoft.AspNetCore").AddOtlpExporter(exporter => exporter.Endpoint = endpoint))
        .WithMetrics(metrics => metrics.AddMeter(ServingTelemetry.Name).AddOtlpExporter(exporter => exporter.Endpoint = endpoint));

    private void Begin()
    {
        var addresses = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address)).ToArray();
        var next = 0;
        if (_options.HttpPort is not null) HttpAddress = addresses[next++];
        if (_options.GrpcPort is not null) GrpcAddress = addresses[next];
        _log.Listening(HttpAddress?.ToString() ?? "off", GrpcAddress?.ToString() ?? "off", _options.Repository);
        Loaded = Task.Run(() => _repository.LoadStartupAsync(_stop.Token));
        _watching = Loaded.ContinueWith(_ => _repository.WatchAsync(_stop.Token), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default).Unwrap();
    }

    /// <summary>Signals are the caller's business.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class ReadinessCheck(ServerState state) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(state.IsReady ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
    }
}
